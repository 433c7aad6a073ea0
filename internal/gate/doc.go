// Package gate is the domain of Doorward: the exchange that every message
// becomes, who is acting, what is called, and what was decided about it.
//
// Every other package imports it and it imports nothing but the standard
// library. It holds no I/O, no policy and no protocol knowledge.
package gate
