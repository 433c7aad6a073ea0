// Package install puts a directory in place whole or not at all: it is made beside what is
// there, looked at, and renamed. npm and python install packages with it.
package install
