package launch

import "slices"

// Rule is one thing that a command must not do unless upstreams.NAME.allow_launch says so.
type Rule string

// The rules. Bounds is the one that nothing allows.
const (
	Code      Rule = "code"      // its words hold a program, or its interpreter reads one from standard input
	Runs      Rule = "runs"      // it runs another command in a way that is not looked into
	Fetches   Rule = "fetches"   // what it runs is fetched when it starts, and nothing holds that to a digest
	Container Rule = "container" // its container gets hold of this machine
	Variables Rule = "variables" // a variable that it is given changes which code runs, or where it connects
	Path      Rule = "path"      // its program is named relative to a directory, or past one
	Disguised Rule = "disguised" // its program is a shell under another name
	Writable  Rule = "writable"  // others on this machine may replace its program
	Rights    Rule = "rights"    // it runs with the rights of another user
	Bounds    Rule = "bounds"    // it has too many words, too long ones, or some that no process can have
)

// Allowable are the rules that a configuration may allow, in the order of its reference.
func Allowable() []Rule {
	return []Rule{Code, Runs, Fetches, Container, Variables, Path, Disguised, Writable, Rights}
}

// Breach is a rule that a command breaks.
type Breach struct {
	Rule Rule
	What string // "python is given its program in words (-c)"
	Do   string // what to do about it
}

// String is a breach for people.
func (b Breach) String() string { return b.What + ": " + b.Do }

// Refused are the breaches that no rule in allowed allows; nil where there is none.
func Refused(all []Breach, allowed []string) (refused []Breach) {
	for _, b := range all {
		if b.Rule == Bounds || !slices.Contains(allowed, string(b.Rule)) {
			refused = append(refused, b)
		}
	}
	return refused
}
