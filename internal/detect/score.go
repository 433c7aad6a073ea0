package main

import (
	"maps"
	"math"
	"slices"
	"strings"

	"doorward/internal/gate"
)

// tally counts cases, and those at which something was blocked or more.
type tally struct {
	N      int `json:"n"`
	Block  int `json:"block"`
	Review int `json:"review"` // Medium or High; never less than Block
}

func (t *tally) add(worst gate.Severity) {
	t.N++
	if worst >= gate.High {
		t.Block++
	}
	if worst >= gate.Medium {
		t.Review++
	}
}

func (t *tally) join(o tally) {
	t.N += o.N
	t.Block += o.Block
	t.Review += o.Review
}

// rate is k of n, in percent; NaN of nothing.
func rate(k, n int) float64 {
	if n == 0 {
		return math.NaN()
	}
	return 100 * float64(k) / float64(n)
}

// wilson is the 95 % interval of k of n, in percent (Wilson 1927).
func wilson(k, n int) (low, high float64) {
	if n == 0 {
		return math.NaN(), math.NaN()
	}
	const z = 1.959964 // the 97.5 % quantile of the normal distribution
	p, m := float64(k)/float64(n), float64(n)
	middle := p + z*z/(2*m)
	half := z * math.Sqrt(p*(1-p)/m+z*z/(4*m*m))
	scale := 1 + z*z/m
	return 100 * max(0, (middle-half)/scale), 100 * min(1, (middle+half)/scale)
}

// score is one corpus, one class and one family of detectors.
type score struct {
	Family     string           `json:"family"`
	Class      string           `json:"class"`
	Corpus     string           `json:"corpus"`
	Attacks    tally            `json:"attacks"`
	Honest     tally            `json:"honest"`
	Servers    tally            `json:"servers"` // honest ones with at least one alarm
	Hidden     int              `json:"hidden,omitempty"`
	Decoded    int              `json:"decoded,omitempty"`
	Techniques map[string]tally `json:"techniques,omitempty"` // of the attacks
	Failures   []failure        `json:"failures,omitempty"`

	servers map[string]gate.Severity
}

// failure is an attack that nobody saw or something honest that was stopped.
type failure struct {
	ID        string   `json:"id"`
	Label     string   `json:"label"`
	Lang      string   `json:"lang,omitempty"`
	Technique string   `json:"technique,omitempty"`
	Severity  string   `json:"severity"`
	Rules     []string `json:"rules,omitempty"`
}

func newScore(family, class, corpus string) *score {
	return &score{Family: family, Class: class, Corpus: corpus, Techniques: map[string]tally{}, servers: map[string]gate.Severity{}}
}

// add counts a case; of failures, at most most are kept.
func (s *score) add(c *Case, v *verdict, most int) {
	if c.Label == malicious {
		s.Attacks.add(v.worst)
		if name := c.technique(); name != "" {
			t := s.Techniques[name]
			t.add(v.worst)
			s.Techniques[name] = t
		}
		if p := c.about().Payload; p != "" && (c.Class == hiddenUnicode || c.Class == hiddenMarkup) {
			s.Hidden++
			if v.decoded(p) {
				s.Decoded++
			}
		}
	} else {
		s.Honest.add(v.worst)
		if c.Server != "" {
			s.servers[c.Server] = max(s.servers[c.Server], v.worst)
		}
	}
	if (c.Label == malicious) == (v.worst >= gate.Medium) {
		return
	}
	if len(s.Failures) >= most {
		return
	}
	f := failure{ID: c.ID, Label: c.Label, Lang: c.Lang, Technique: c.technique(), Severity: v.worst.String()}
	for i := range v.findings {
		if v.findings[i].Severity >= gate.Medium && !slices.Contains(f.Rules, v.findings[i].Rule) {
			f.Rules = append(f.Rules, v.findings[i].Rule)
		}
	}
	s.Failures = append(s.Failures, f)
}

// close counts the servers.
func (s *score) close() {
	for _, worst := range s.servers {
		s.Servers.add(worst)
	}
}

// techniques are those of s that name fits.
func (s *score) techniques(fits func(name string) bool) tally {
	var sum tally
	for name, t := range s.Techniques {
		if fits(name) {
			sum.join(t)
		}
	}
	return sum
}

// worst is the technique that is seen least, and how often; the first by name
// of several.
func (s *score) worst() (name string, t tally) {
	for _, other := range slices.Sorted(maps.Keys(s.Techniques)) {
		u := s.Techniques[other]
		if name == "" || rate(u.Review, u.N) < rate(t.Review, t.N) {
			name, t = other, u
		}
	}
	return name, t
}

// macro is the mean over corpora of a class, each counting the same: detectors
// that suit one corpus do not profit from its size. They are not trained, so
// every corpus is one that was left out.
type macro struct {
	Family  string  `json:"family"`
	Class   string  `json:"class"`
	Corpora int     `json:"corpora"`
	Block   float64 `json:"block"`  // percent
	Review  float64 `json:"review"` // percent
}

// macros are the means of the classes with attacks, in the order of scores.
func macros(scores []*score) []macro {
	var list []macro
	for _, s := range scores {
		if s.Attacks.N == 0 {
			continue
		}
		i := slices.IndexFunc(list, func(m macro) bool { return m.Family == s.Family && m.Class == s.Class })
		if i < 0 {
			i = len(list)
			list = append(list, macro{Family: s.Family, Class: s.Class})
		}
		list[i].Corpora++
		list[i].Block += rate(s.Attacks.Block, s.Attacks.N)
		list[i].Review += rate(s.Attacks.Review, s.Attacks.N)
	}
	for i := range list {
		list[i].Block /= float64(list[i].Corpora)
		list[i].Review /= float64(list[i].Corpora)
	}
	return list
}

// order sorts by family, class and corpus; the classes with attacks first.
func order(a, b *score) int {
	if c := strings.Compare(a.Family, b.Family); c != 0 {
		return c
	}
	if (a.Class == benign) != (b.Class == benign) {
		if a.Class == benign {
			return 1
		}
		return -1
	}
	if c := strings.Compare(a.Class, b.Class); c != 0 {
		return c
	}
	return strings.Compare(a.Corpus, b.Corpus)
}
