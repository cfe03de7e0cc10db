package spool

// Name is that of the file in the state directory.
const Name = dbName
