// Command mutants is `make mutants`: it makes each wrong edit of internal/testing/mutation in a copy of the working
// tree, and shows that the tests that the edit names fail. It ends with 0 only if all do.
//
// Owner: one goroutine per worker owns one copy of the tree, under a temporary directory.
package main
