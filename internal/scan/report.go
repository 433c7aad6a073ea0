package scan

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"slices"

	"doorward/internal/gate"
)

// Finding is one thing that was found: in a client's file, or in what a server
// offers.
type Finding struct {
	Rule     string `json:"rule"`
	Severity string `json:"severity"`
	Title    string `json:"title"`
	Fix      string `json:"fix,omitempty"`
	File     string `json:"file,omitempty"` // of the client or of the saved list
	Line     int    `json:"line,omitempty"` // of the server's entry
	Server   string `json:"server,omitempty"`
	Project  string `json:"project,omitempty"` // that the server is for, where the file says so
	Kind     string `json:"kind,omitempty"`    // of the definition
	Item     string `json:"item,omitempty"`
	Where    string `json:"where,omitempty"` // JSON pointer into the definition
	Text     string `json:"text,omitempty"`  // what was seen, hidden characters made visible
	Print    string `json:"fingerprint"`     // the same for the same finding, wherever its line is

	level gate.Severity
	about string // what it is about, whole: another command is another finding (CVE-2025-54136)
}

// Server is one server that was looked at.
type Server struct {
	Name     string `json:"name"`
	Client   string `json:"client,omitempty"`
	Project  string `json:"project,omitempty"` // that it is for; empty: for all
	File     string `json:"file,omitempty"`
	Line     int    `json:"line,omitempty"`
	Command  string `json:"command,omitempty"` // whole, on one line
	URL      string `json:"url,omitempty"`
	Asked    bool   `json:"asked"` // what it offers was looked at
	NotAsked string `json:"not_asked,omitempty"`
	Offers   int    `json:"offers"` // definitions
}

// Report is everything that a scan found.
type Report struct {
	Files    []string  `json:"files"` // that were read
	Notes    []string  `json:"notes,omitempty"`
	Servers  []Server  `json:"servers"`
	Findings []Finding `json:"findings"`
	Known    int       `json:"known"`           // findings that the baseline has, and that are left out
	Flows    []Flow    `json:"flows,omitempty"` // where asked for
}

// add takes a finding in, with its fingerprint.
func (r *Report) add(level gate.Severity, f Finding) {
	f.level, f.Severity = level, level.String()
	sum := sha256.New()
	for _, part := range [...]string{f.Rule, f.Server, f.Kind, f.Item, f.Where, f.Text, f.about} {
		_, _ = sum.Write([]byte(part))
		_, _ = sum.Write([]byte{0})
	}
	f.Print = hex.EncodeToString(sum.Sum(nil)[:16])
	r.Findings = append(r.Findings, f)
}

// Sort brings findings in order: the worst first, then by place.
func (r *Report) Sort() {
	slices.SortStableFunc(r.Findings, func(a, b Finding) int {
		return cmp.Or(-cmp.Compare(a.level, b.level), cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line),
			cmp.Compare(a.Server, b.Server), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Item, b.Item), cmp.Compare(a.Where, b.Where), cmp.Compare(a.Rule, b.Rule))
	})
}

// Count is how many findings are at least this bad.
func (r *Report) Count(level gate.Severity) (n int) {
	for i := range r.Findings {
		if r.Findings[i].level >= level {
			n++
		}
	}
	return n
}
