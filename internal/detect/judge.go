package main

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"doorward/internal/gate"
)

// The families of detectors. Each is scored by itself: what finds secrets has
// no say in whether a text injects.
const (
	definitions = "definitions"
	changes     = "changes"
	injections  = "injections"
	credentials = "credentials"
	persons     = "personal data"
	flows       = "flows"
)

// family is some detectors that are scored together.
type family struct {
	name     string
	concerns func(c *Case) bool
	judge    func(c *Case, h *house) (verdict, error)
}

var allFamilies = []family{
	{definitions, func(c *Case) bool { return c.Surface == onTool }, judgeDefinition},
	{changes, func(c *Case) bool { return c.Surface == onRugpull }, judgeChange},
	{injections, injects, judgeText},
	{credentials, leaks, judgeSecrets},
	{persons, tells, judgePersons},
	{flows, func(c *Case) bool { return c.Surface == onChain }, judgeChain},
}

// families are those that c counts for; none for what rules judge.
func families(c *Case) []family {
	var list []family
	for _, f := range allFamilies {
		if f.concerns(c) {
			list = append(list, f)
		}
	}
	return list
}

// ruled are classes of arguments that rules over arguments judge (paths,
// places, words, statements; docs/reference/rules.md), not detectors: they
// depend on where the server runs and what it is for.
var ruled = []string{"traversal", "sensitive_path", "cmdi", "sqli", "ssrf", "ssrf_generic", "ssrf_bypass", "shell", "shell_obfuscation", "crypto_financial"}

// The classes of which one family alone is asked.
const (
	secretClass   = "secret"
	personalClass = "pii" // and pii_soft, which is honest
)

func injects(c *Case) bool {
	return c.Surface == onResult && c.Class != secretClass && !strings.HasPrefix(c.Class, personalClass)
}

func leaks(c *Case) bool {
	if c.Surface == onArgs {
		return !slices.Contains(ruled, c.Class)
	}
	return c.Surface == onResult && (c.Class == secretClass || c.Class == benign)
}

func tells(c *Case) bool {
	switch c.Surface {
	case onArgs:
		return c.Class == benign
	case onResult:
		return c.Class == benign || strings.HasPrefix(c.Class, personalClass)
	}
	return false
}

// verdict is what one family said of a case.
type verdict struct {
	worst    gate.Severity // High blocks, Medium asks for a review
	findings []gate.Finding
	took     time.Duration
}

func verdictOf(findings []gate.Finding) verdict {
	return verdict{worst: gate.Worst(findings), findings: findings}
}

// ask asks the family about a case and takes the time.
func (f *family) ask(c *Case, h *house) (verdict, error) {
	start := time.Now()
	v, err := f.judge(c, h)
	if err != nil {
		return verdict{}, fmt.Errorf("%s of case %s: %w", f.name, c.ID, err)
	}
	v.took = time.Since(start)
	return v, nil
}

// decoded says whether a finding that counts shows the hidden payload, or its
// first thirty letters, to the person who has to decide.
func (v *verdict) decoded(payload string) bool {
	want := []rune(letters(payload))
	want = want[:min(len(want), 30)]
	for i := range v.findings {
		f := &v.findings[i]
		if f.Severity >= gate.Medium && strings.Contains(letters(f.Text), string(want)) {
			return true
		}
	}
	return false
}

func letters(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, s)
}
