package scan

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Baseline is what was found before and looked at: a file for version control,
// one fingerprint for each finding, with what it is for people.
type Baseline struct {
	Version  int     `json:"version"`
	Findings []Known `json:"findings"`
}

// Known is one finding of a baseline.
type Known struct {
	Print  string `json:"fingerprint"`
	Rule   string `json:"rule"`
	Server string `json:"server,omitempty"`
	Item   string `json:"item,omitempty"`
}

const baselineVersion = 1

// ReadBaseline reads a baseline; a file that is not there is an empty one.
func ReadBaseline(path string) (Baseline, error) {
	b := Baseline{Version: baselineVersion}
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return b, nil
	}
	if err != nil {
		return b, fmt.Errorf("reading the baseline: %w", err)
	}
	if err := json.Unmarshal(raw, &b, json.RejectUnknownMembers(true)); err != nil {
		return b, fmt.Errorf("reading the baseline %s: %w", path, err)
	}
	if b.Version != baselineVersion {
		return b, fmt.Errorf("the baseline %s has version %d, this program knows %d", path, b.Version, baselineVersion)
	}
	return b, nil
}

// Subtract leaves out what the baseline knows, and says how much that is.
func (r *Report) Subtract(b Baseline) {
	known := make(map[string]bool, len(b.Findings))
	for _, k := range b.Findings {
		known[k.Print] = true
	}
	was := len(r.Findings)
	r.Findings = slices.DeleteFunc(r.Findings, func(f Finding) bool { return known[f.Print] })
	r.Known = was - len(r.Findings)
}

// Baseline is the report as one.
func (r *Report) Baseline() ([]byte, error) {
	b := Baseline{Version: baselineVersion, Findings: []Known{}}
	for i := range r.Findings {
		f := &r.Findings[i]
		b.Findings = append(b.Findings, Known{f.Print, f.Rule, f.Server, f.Item})
	}
	slices.SortFunc(b.Findings, func(x, y Known) int { return strings.Compare(x.Print, y.Print) })
	b.Findings = slices.Compact(b.Findings)
	raw, err := json.Marshal(b, json.Deterministic(true), jsontext.WithIndent("  "))
	return append(raw, '\n'), err
}
