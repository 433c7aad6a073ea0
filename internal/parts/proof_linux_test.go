package parts_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

// TestSBX20_SBX21_Gateway serves where the kernel has no Landlock: what has to have it is not
// started, and says so everywhere; what may do without is proven without, and says so, too.
func TestSBX20_SBX21_Gateway(t *testing.T) {
	t.Parallel()
	g := directory(t, `version: 1
listen: {address: "127.0.0.1:0"}
trust: {first_use: approve}
upstreams:
  strict: {command: [/bin/false]}
  weaker: {command: [/bin/false], sandbox: {allow_weaker: [landlock]}}
  none: {command: [/bin/false], sandbox: {kind: none}}
`)
	// Everything holds where nothing is missing.
	if r := g.run("sandbox", "test", "strict"); r.code != 0 || !strings.Contains(r.stdout, "held   limit.watch") || strings.Contains(r.stdout, "broken") {
		t.Errorf("with Landlock: exit %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	g.under = []string{self(t), withoutWord, "landlock"}
	g.serve()
	for _, want := range []string{"strict: not available", "this system lacks it: it has version 0 of Landlock", `msg="upstream is not confined" upstream=none`} {
		eventually(t, want, func() bool { return strings.Contains(g.out.String()+g.log.String(), want) })
	}
	var details map[string][]string
	starts := func(with string) bool {
		return slices.ContainsFunc(details["upstream.start"], func(d string) bool { return strings.HasSuffix(d, with) })
	}
	eventually(t, "all three are on record", func() bool {
		details = map[string][]string{}
		for _, r := range g.records("--kind", "event") {
			details[r.Event] = append(details[r.Event], r.Detail)
		}
		return len(details["sandbox.unproven"]) > 0 && len(details["sandbox.proven"]) > 0 && starts(", without landlock") && starts(", not confined")
	})
	for kind, want := range map[string]string{"sandbox.unproven": "this system lacks it", "sandbox.proven": "without landlock; files.outside, "} {
		if got := details[kind]; len(got) != 1 || !strings.Contains(got[0], want) {
			t.Errorf("%s: %q, want one with %q", kind, got, want)
		}
	}
	r := g.run("sandbox", "test", "--format", "json")
	var proofs []struct{ Upstream, Kind, Error string }
	if err := json.Unmarshal([]byte(r.stdout), &proofs); err != nil || r.code != 3 || len(proofs) != 4 {
		t.Fatalf("sandbox test: exit %d, %v\n%s", r.code, err, r.stdout)
	}
	for _, p := range proofs {
		if fails := p.Upstream == "strict" || p.Upstream == ""; fails != strings.Contains(p.Error, "this system lacks it") {
			t.Errorf("%s (%s): %q", p.Upstream, p.Kind, p.Error)
		}
	}
	if r := g.run("check", "--offline"); !strings.Contains(r.stdout, "weaker runs without landlock, which this system lacks") || !strings.Contains(r.stdout, "none has Doorward's own rights") {
		t.Errorf("check does not say it:\n%s", r.stdout)
	}
}
