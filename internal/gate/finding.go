package gate

import "strings"

// Severity is how bad a finding is if it is true, and how sure the detector is.
// The zero value is none.
type Severity uint8

// The severities. What follows from each is configured (trust.findings).
const (
	NoSeverity Severity = iota
	Low                 // worth a look; honest definitions have such things too
	Medium              // a person should read it before it is used
	High                // hardly ever in anything honest
)

// String is the severity's word in the configuration, the CLI and the audit log.
func (s Severity) String() string {
	switch s {
	case High:
		return "high"
	case Medium:
		return "medium"
	case Low:
		return "low"
	case NoSeverity:
	}
	return "none"
}

// MaxFindingText bounds Finding.Text, in bytes.
const MaxFindingText = 512

// RuleUnjudged is the rule of a finding that says that whoever was to be asked about
// a definition gave no answer. It is not kept: the next look asks again.
const RuleUnjudged = "judge.unavailable"

// MaxFindings bounds what an exchange keeps of findings.
const MaxFindings = 64

// Finding is something that a detector saw in a definition, an argument or a
// result. The detectors below internal/inspect make it, from the text alone:
// the same text has the same findings, in the same order.
type Finding struct {
	Rule     string   // stable id, "hidden.tags"; the part before the dot is the class
	Severity Severity // Low, Medium or High
	Where    string   // JSON pointer (RFC 6901) to the string; empty for a text that stands alone
	Span     Span     // bytes of that string as decoded from JSON; absent when it is about all of it
	Text     string   // what was seen, decoded, cut to MaxFindingText; for people, through Visible
	Why      string   // one sentence for people; quotes nothing of the text
}

// Class is the family of the finding's rule: "hidden", "poisoning", "secret".
func (f *Finding) Class() string {
	class, _, _ := strings.Cut(f.Rule, ".")
	return class
}

// Worst is the highest severity among findings; NoSeverity without any.
func Worst(findings []Finding) Severity {
	worst := NoSeverity
	for i := range findings {
		worst = max(worst, findings[i].Severity)
	}
	return worst
}
