// Package policy decides what a principal may do: roles that allow and deny
// tools, prompts and resources by glob, judge the arguments of a call by their
// meaning, hold under conditions, and say when people must agree first. Config
// compiles the roles of the file with it, the authorize stage asks it once for
// every call and every line of a list, and the commands of doorward policy ask it
// about calls that were, or could be.
//
// A policy does not change after Compile and needs no lock. A decision depends on
// the question alone, with the time in it; only a rule with resolve looks at this
// machine's files. The package reads no message, keeps no approval, and knows
// nothing of pins: what was never approved is withheld before anybody asks here.
package policy
