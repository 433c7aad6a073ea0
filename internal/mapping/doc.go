// Package mapping says which control of which framework Doorward supports, by what,
// and which command shows it. The generated page docs/reference/mappings.md is made
// from it.
//
// It is a table and no judgement: it reads nothing, and whether a control is met is for
// who runs Doorward, and their auditor, to say.
package mapping
