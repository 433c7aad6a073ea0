package checklist_test

import (
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"doorward/internal/checklist"
	"doorward/internal/config"
)

// a case of one item: what is configured and known, and how it must stand.
type itemCase struct {
	id     string
	name   string
	file   string // of the configuration, without its version
	edit   func(*config.Config)
	state  func(*checklist.State)
	want   checklist.Status
	seen   string // a part of the evidence
	onLine int    // of the first evidence; 0: any
}

func now() time.Time { return time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC) }

func ago(days int) time.Time { return now().AddDate(0, 0, -days) }

// sound is a machine on which everything is as it should be.
func sound() checklist.State {
	return checklist.State{
		Now:     now(),
		Config:  checklist.File{Path: "doorward.yaml", Exists: true, Mode: 0o644},
		DataDir: checklist.File{Path: "/var/lib/doorward", Exists: true, Mode: fs.ModeDir | 0o700},
		Lock:    checklist.File{Path: "doorward.lock", Exists: true, Mode: 0o644},
	}
}

func parsed(t *testing.T, text string) (*config.Config, []byte) {
	t.Helper()
	data := []byte("version: 1\n" + text)
	cfg, err := config.Parse("/etc/doorward/doorward.yaml", data)
	if err != nil {
		t.Fatal(err)
	}
	return cfg, data
}

func item(t *testing.T, r checklist.Report, id string) checklist.Item {
	t.Helper()
	for _, it := range r.Items {
		if it.ID == id {
			return it
		}
	}
	t.Fatalf("there is no item %s", id)
	return checklist.Item{}
}

func cases() []itemCase {
	return slices.Concat(edgeCases(), keptCases(), upstreamCases(), policyCases())
}

func TestItems(t *testing.T) {
	for _, tc := range cases() {
		t.Run(tc.id+"/"+tc.name, func(t *testing.T) {
			cfg, data := parsed(t, tc.file)
			if tc.edit != nil {
				tc.edit(cfg)
			}
			st := sound()
			st.Line = config.Lines(data)
			if tc.state != nil {
				tc.state(&st)
			}
			got := item(t, checklist.Run(cfg, st), tc.id)
			if got.Status != tc.want {
				t.Errorf("%s, want %s: %v", got.Status, tc.want, got.Evidence)
			}
			if text := texts(got); !strings.Contains(text, tc.seen) {
				t.Errorf("evidence %q, want %q in it", text, tc.seen)
			}
			if amiss := got.Status == checklist.Fail || got.Status == checklist.Warn; amiss == (got.Fix == "") {
				t.Errorf("%s, and the fix is %q", got.Status, got.Fix)
			}
			if line := got.Evidence[0].Line; tc.onLine != 0 && line != tc.onLine {
				t.Errorf("on line %d, want %d", line, tc.onLine)
			}
		})
	}
}

func texts(it checklist.Item) string {
	var all []string
	for _, e := range it.Evidence {
		all = append(all, e.Path+": "+e.Text)
	}
	return strings.Join(all, "\n")
}

// Every item is seen in order, and amiss, or the tables say nothing about it.
func TestEveryItemIsHeldBothWays(t *testing.T) {
	good, bad := map[string]bool{}, map[string]bool{}
	for _, tc := range cases() {
		switch tc.want {
		case checklist.Fail, checklist.Warn:
			bad[tc.id] = true
		case checklist.Pass:
			good[tc.id] = true
		case checklist.NotApplicable:
		}
	}
	for _, e := range checklist.Entries() {
		if !good[e.ID] || !bad[e.ID] {
			t.Errorf("%s: a case in order %v, one amiss %v", e.ID, good[e.ID], bad[e.ID])
		}
	}
}

func TestEntriesAreSound(t *testing.T) {
	seen := map[string]bool{}
	for _, e := range checklist.Entries() {
		if seen[e.ID] || e.Title == "" || e.Fix == "" {
			t.Errorf("%s is there twice, or lacks a title or a fix", e.ID)
		}
		seen[e.ID] = true
		if _, err := os.Stat("../../" + e.Reference); err != nil {
			t.Errorf("%s refers to %s: %v", e.ID, e.Reference, err)
		}
	}
}

// The zero value of everything fails or warns, and never passes for want of evidence.
func TestNothingKnownIsNotGood(t *testing.T) {
	for _, it := range checklist.Run(nil, checklist.State{}).Items {
		if it.Status != checklist.Fail {
			t.Errorf("%s is %s without a configuration", it.ID, it.Status)
		}
	}
	var zero checklist.Status
	if zero.String() != "fail" {
		t.Errorf("the zero status is %s", zero)
	}
	cfg, _ := parsed(t, "upstreams: {a: {url: \"https://a.example/mcp\"}}\n")
	r := checklist.Run(cfg, checklist.State{Unread: "nobody looked"})
	for _, id := range []string{"identity.key_expiry", "identity.key_age", "identity.key_use", "trust.reviewed", "trust.changed", "trust.lock_file", "state.config_file"} {
		if got := item(t, r, id); got.Status != checklist.Warn {
			t.Errorf("%s is %s where nobody looked", id, got.Status)
		}
	}
}

func TestEvidenceIsBounded(t *testing.T) {
	cfg, _ := parsed(t, "upstreams: {}\n")
	st := sound()
	for range 1000 {
		st.Keys = append(st.Keys, checklist.Key{ID: "k_1", Name: "ci", Created: ago(1)})
	}
	got := item(t, checklist.Run(cfg, st), "identity.key_expiry")
	if n := len(got.Evidence); n != 26 || got.Evidence[25].Text != "and 975 more" {
		t.Errorf("%d pieces of evidence, the last: %v", n, got.Evidence[n-1])
	}
}

func TestDeclaresAreReported(t *testing.T) {
	cfg, _ := parsed(t, "upstreams:\n  b: {url: \"https://b.example/mcp\"}\n  a: {url: \"https://a.example/mcp\", declares: {purpose: code review, ai_act: limited, licence: MIT}}\n")
	got := checklist.Run(cfg, sound()).Declares
	want := []checklist.Declared{{Upstream: "a", Purpose: "code review", AIAct: "limited", Licence: "MIT"}, {Upstream: "b"}}
	if !slices.Equal(got, want) {
		t.Errorf("declares %v, want %v", got, want)
	}
}

// The limits that are called usual are those of a file that writes none.
func TestUsualLimitsAreTheDefaults(t *testing.T) {
	cfg, _ := parsed(t, "upstreams: {a: {url: \"https://a.example/mcp\"}}\n")
	for name, widen := range map[string]func(*config.Limits, *config.Listen){
		"timeout":     func(l *config.Limits, _ *config.Listen) { l.Timeout = 4*l.Timeout + 1 },
		"concurrency": func(l *config.Limits, _ *config.Listen) { l.Concurrency = 4*l.Concurrency + 1 },
		"queue":       func(l *config.Limits, _ *config.Listen) { l.Queue = 4*l.Queue + 1 },
		"result":      func(l *config.Limits, _ *config.Listen) { l.Result = 4*l.Result + 1 },
		"arguments":   func(l *config.Limits, _ *config.Listen) { l.Arguments = 4*l.Arguments + 1 },
		"values":      func(l *config.Limits, _ *config.Listen) { l.Values = 4*l.Values + 1 },
		"max_body":    func(_ *config.Limits, l *config.Listen) { l.MaxBody = 4*l.MaxBody + 1 },
	} {
		c := *cfg
		c.Upstreams = maps.Clone(cfg.Upstreams)
		u := c.Upstreams["a"]
		widen(&u.Limits, &c.Listen)
		c.Upstreams["a"] = u
		if got := item(t, checklist.Run(&c, sound()), "upstream.limits"); got.Status != checklist.Warn || !strings.Contains(texts(got), name) {
			t.Errorf("%s just above four times its default: %s, %s", name, got.Status, texts(got))
		}
	}
	if got := item(t, checklist.Run(cfg, sound()), "upstream.limits"); got.Status != checklist.Pass {
		t.Errorf("the defaults: %s", texts(got))
	}
}

// The file that the documentation shows as sound is.
func TestDocumentedFileHasNothingAmiss(t *testing.T) {
	page, err := os.ReadFile("../../docs/how-to/check-before-production.md")
	if err != nil {
		t.Fatal(err)
	}
	_, block, _ := strings.Cut(string(page), "```yaml\n")
	block, _, _ = strings.Cut(block, "```")
	cfg, err := config.Parse("/etc/doorward/doorward.yaml", []byte(block))
	if err != nil {
		t.Fatal(err)
	}
	st := sound()
	st.Secrets = map[string]checklist.Secret{"hook-secret": {}}
	for _, name := range []string{"read_file", "write_file", "list_directory"} {
		st.Definitions = append(st.Definitions, checklist.Definition{Upstream: "files", Kind: "tool", Name: name, State: "approved"})
	}
	for _, it := range checklist.Run(cfg, st).Items {
		if it.Status == fail || it.Status == warn {
			t.Errorf("%s: %s", it.ID, texts(it))
		}
	}
}
