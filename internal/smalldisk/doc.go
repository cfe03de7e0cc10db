// Package smalldisk gives tests a file system that is soon full. It is for Linux.
package smalldisk
