// Package lacking makes of a test's process one on a system that lacks a layer of the
// sandbox: its own filter of system calls answers as a kernel without that layer does,
// for this process and all that it starts. Tests call it in a process of their own,
// before that does anything else; it cannot be taken back.
package lacking
