// Package versions tests that files which programs of earlier versions left are read as those programs read them. A package
// under test has, in its testdata, a zip per version of its schema and what the program that wrote it read of it.
//
// Not here: what is written and what is read (the tests of internal/state/store and internal/output/spool); how such a
// file is added (docs/state.md).
//
// Owner: the test that calls it; all is below its temporary directory, but what -write-version leaves in testdata.
package versions
