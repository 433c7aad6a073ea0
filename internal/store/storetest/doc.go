// Package storetest is what every store of shared state must do, as tests that
// take a way to open one, and a real redis-server to open it on. Tests of store,
// and of what is built on it, call it.
//
// It is imported by tests alone, and never talks to anything but loopback.
package storetest
