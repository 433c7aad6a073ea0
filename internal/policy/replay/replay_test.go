package replay_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"doorward/internal/policy"
	"doorward/internal/policy/paths"
	"doorward/internal/policy/recorded"
	"doorward/internal/policy/replay"
)

func compiled(t *testing.T, src policy.Source) *policy.Policy {
	t.Helper()
	src.Arguments = map[string]map[string]string{"files": {"path": "path"}}
	p, faults := policy.Compile(src)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	return p
}

func calls(t *testing.T, lines string) []recorded.Call {
	t.Helper()
	out, err := recorded.Read(strings.NewReader(lines))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

const key = `"principal":{"method":"api_key","realm":"api_key","subject":"ci","roles":["r"],"whole":true},"upstream":"files","kind":"tool","method":"tools/call"`

func rules(tools ...string) []policy.Rule { return []policy.Rule{{Tools: tools}} }

func TestEveryChangeIsFound(t *testing.T) {
	held := []policy.Rule{{Tools: []string{"files/write"}, Mode: policy.Approve, Terms: policy.Terms{Roles: []string{"lead"}}}}
	p := replay.Policies{
		Present: compiled(t, policy.Source{Roles: map[string]policy.Role{
			"lead": {}, "r": {Allow: append(rules("files/read", "files/list", "files/write"), policy.Rule{
				Tools: []string{"files/move"}, Mode: policy.Approve, Terms: policy.Terms{Roles: []string{"lead"}},
			})},
		}}),
		Candidate: compiled(t, policy.Source{Roles: map[string]policy.Role{
			"lead": {}, "r": {Allow: append(append(held, rules("files/list", "files/move", "files/drop")...), policy.Rule{
				Tools: []string{"files/read"}, Where: &policy.Where{Path: &paths.Rule{Under: []string{"/srv/a"}}},
			})},
		}}),
	}
	r, err := replay.Run(t.Context(), p, calls(t, `
		{"exchange":"1","time":"2026-11-23T09:00:00Z",`+key+`,"name":"read","arguments":{"path":"/srv/a/x"},"kept":true}
		{"exchange":"2","time":"2026-11-23T09:00:00Z",`+key+`,"name":"read","arguments":{"path":"/srv/b/x"},"kept":true}
		{"exchange":"3","time":"2026-11-23T09:00:00Z",`+key+`,"name":"read","kept":false}
		{"exchange":"4","time":"2026-11-23T09:00:00Z",`+key+`,"name":"write","arguments":{},"kept":true}
		{"exchange":"5","time":"2026-11-23T09:00:00Z",`+key+`,"name":"move","arguments":{},"kept":true}
		{"exchange":"6","time":"2026-11-23T09:00:00Z",`+key+`,"name":"drop","arguments":{},"kept":true,"status":"refused"}
		{"exchange":"7","time":"2026-11-23T09:00:00Z",`+key+`,"name":"list","arguments":{},"kept":true}
		{"exchange":"8","time":"2026-11-23T09:00:00Z","method":"tools/call","principal":{},"name":"","kept":false,"status":"refused"}
	`), nil)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"2": replay.NewlyDenied, "4": replay.NewlyHeld, "5": replay.NoLongerHeld, "6": replay.NewlyAllowed}
	for _, d := range r.Differences {
		if want[d.Exchange] != d.Change || d.Before.Effect == d.After.Effect || d.Before.Rule == "" && d.After.Rule == "" {
			t.Errorf("%+v", d)
		}
		delete(want, d.Exchange)
	}
	if len(want) > 0 || !r.Changed() || r.Calls != 8 || r.Unchanged != 3 || r.Partly != 1 || r.Unjudged != 1 {
		t.Errorf("missing %v of %+v", want, r)
	}
	if r.Only(replay.NewlyDenied); len(r.Differences) != 1 || r.NewlyHeld != 1 {
		t.Errorf("%+v", r)
	}
}

// TestRolesOfThoseWithTokensAreTheCandidates: a narrower membership denies; keys
// keep the roles that they were made with; what a token claims it keeps claiming.
func TestRolesOfThoseWithTokensAreTheCandidates(t *testing.T) {
	present := policy.Source{Roles: map[string]policy.Role{"r": {Groups: []string{"staff"}, Allow: rules("files/read")}}}
	narrower := policy.Source{Roles: map[string]policy.Role{"r": {Groups: []string{"admins"}, Allow: rules("files/read")}}}
	p := replay.Policies{Present: compiled(t, present), Candidate: compiled(t, narrower)}
	line := func(method, groups string) string {
		return `{"exchange":"x","time":"2026-11-23T09:00:00Z","method":"tools/call","principal":{"method":"` + method +
			`","realm":"https://id.example.com","subject":"s","groups":[` + groups + `],"roles":["r"],"whole":true},"upstream":"files","kind":"tool","name":"read","arguments":{},"kept":true}` + "\n"
	}
	r, err := replay.Run(t.Context(), p, calls(t, line("jwt", `"staff"`)+line("mtls", `"staff"`)+line("api_key", `"staff"`)+line("jwt", "")), nil)
	if err != nil || r.NewlyDenied != 2 || r.Unchanged != 2 {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestRunStops(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := replay.Run(ctx, replay.Policies{}, make([]recorded.Call, 1), nil); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// People who are no longer asked are a change that CI stops at, people who are asked
// from now on are none.
func TestChanged(t *testing.T) {
	for _, tc := range []struct {
		r    replay.Report
		want bool
	}{
		{replay.Report{Calls: 9, Unchanged: 9}, false},
		{replay.Report{NewlyHeld: 1}, false},
		{replay.Report{NoLongerHeld: 1}, true},
		{replay.Report{NewlyDenied: 1}, true},
		{replay.Report{NewlyAllowed: 1}, true},
	} {
		if got := tc.r.Changed(); got != tc.want {
			t.Errorf("%+v: %t", tc.r, got)
		}
	}
}
