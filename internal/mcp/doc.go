// Package mcp is Doorward's knowledge of the Model Context Protocol: which
// methods there are and who may send them, what each revision asks for, how a
// message's era is told and how it is translated into the other, how headers
// must agree with a body, and what the canonical form of a definition is.
//
// The stages, listen, upstream and the lock call it. It does no I/O, holds no
// state, decides nothing about principals, and never rebuilds a message that
// somebody else wrote: it changes one by splicing bytes.
package mcp
