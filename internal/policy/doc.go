// Package policy decides what a principal may reach: roles that allow and deny
// tools, prompts and resources by glob. Config compiles the roles of the file
// with it, and the authorize stage asks it once for every call and every line
// of a list.
//
// A policy does not change after Compile and needs no lock. The package reads
// no message, opens nothing, and knows neither arguments nor approvals: what
// was never pinned is withheld before anybody asks here.
package policy
