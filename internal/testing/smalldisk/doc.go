// Package smalldisk gives tests a file system that is soon full, and a process that is soon out of descriptors. It is for Linux.
package smalldisk
