// Command volumes is `make volumes`: it simulates thousands of days of counts, shows what the judge of volumes makes of
// them, and writes the tables and pictures of docs/volumes.md. It ends with 1 if a stated bound is not kept.
//
// Not here: the judge (internal/volume); the simulated days (internal/sim/volumes).
package main
