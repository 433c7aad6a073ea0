package gatetest

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"

	"doorward/internal/gate"
)

// maxSpoken bounds the texts of arguments that a gateway's log is searched for.
const maxSpoken = 512

// hear takes note of the texts in a call's arguments: those that are long enough not to
// be found by chance.
func (g *GW) hear(body []byte) {
	if len(body) > maxRepeated {
		return
	}
	var m struct {
		Params struct{ Arguments any }
	}
	if json.Unmarshal(body, &m) != nil {
		return // what is no message has no arguments
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	texts(m.Params.Arguments, func(s string) {
		if len(s) >= leastHidden && len(g.spoken) < maxSpoken {
			g.spoken = append(g.spoken, s)
		}
	})
}

// texts are the strings in a JSON value.
func texts(v any, each func(string)) {
	switch v := v.(type) {
	case string:
		each(v)
	case []any:
		for _, one := range v {
			texts(one, each)
		}
	case map[string]any:
		for _, one := range v {
			texts(one, each)
		}
	}
}

// inside is what only somebody inside may read: files, stacks, and code of the gateway.
var inside = regexp.MustCompile(`goroutine \d|\.go:\d+|/data/audit|doorward\.lock|doorward/internal|runtime error|go1\.\d`)

// checkDiscipline holds what the gateway has said to LOG-01, LOG-02, LOG-06 and LOG-12:
// its log, at debug level, is lines without hidden characters and arguments; so are the
// metrics; and what clients were told has nothing of the inside.
func (g *GW) checkDiscipline() {
	g.t.Helper()
	g.mu.Lock()
	defer g.mu.Unlock()
	log := g.log.text()
	for line := range strings.Lines(log) {
		if body := strings.TrimSuffix(line, "\n"); !strings.HasPrefix(body, "time=") || strings.ContainsFunc(body, gate.Hidden) {
			g.t.Errorf("LOG-01: a line of the log is %q", line)
		}
	}
	slices.Sort(g.spoken)
	for _, text := range slices.Compact(g.spoken) {
		if strings.Contains(log, text) || strings.Contains(string(g.metrics), text) {
			g.t.Errorf("LOG-06: the argument %.40q is in the log or the metrics", text)
		}
	}
	told := string(g.errors)
	if seen := inside.FindString(told); seen != "" {
		g.t.Errorf("LOG-12: a client was told %q", seen)
	}
	for name, up := range g.ups {
		address := strings.TrimPrefix(strings.TrimPrefix(up.URL(), "http://"), "https://")
		address, _, _ = strings.Cut(address, "/")
		if strings.Contains(told, address) {
			g.t.Errorf("LOG-12: a client was told the address of upstream %s", name)
		}
	}
	if strings.Contains(told, g.Dir) {
		g.t.Errorf("LOG-12: a client was told of %s", g.Dir)
	}
}
