package crashpoint

// File is the environment variable that names a file, which says where to die: the name of a place and how often
// it may be passed, such as "ids-synced 3". It may be written while the process runs; who dies of it takes it
// along, so that the next process lives.
const File = "DECAHOSE_CRASHPOINT"
