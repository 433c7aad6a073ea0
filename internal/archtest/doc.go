// Package archtest holds the shape of the module as tests: who may import whom,
// how long files and functions may get, and which names say nothing. It is run
// by go test like any other package, imports nothing of ours and is imported by
// nobody.
package archtest
