package scan_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"doorward/internal/gate"
	"doorward/internal/scan"
)

func saved(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "weather.json")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const hostile = `{"name":"add","description":"Adds two numbers.\u200b\u200b` + `\udb40\udc69\udb40\udc67\udb40\udc6e\udb40\udc6f\udb40\udc72\udb40\udc65","inputSchema":{"type":"object"}}`

func TestSavedLists(t *testing.T) {
	const honest = `{"name":"get","description":"Gets.","inputSchema":{"type":"object"}}`
	for name, tc := range map[string]struct {
		text  string
		items int
	}{
		"a result":         {`{"tools":[` + honest + `]}`, 1},
		"with an envelope": {`{"jsonrpc":"2.0","id":1,"result":{"tools":[` + honest + `,` + honest + `],"nextCursor":null}}`, 2},
		"a bare list":      {`[` + honest + `]`, 1},
		"several kinds":    {`{"tools":[` + honest + `],"prompts":[{"name":"p"}],"resources":[{"uri":"a:b","name":"r"}],"resourceTemplates":[{"uriTemplate":"a:{b}","name":"t"}],"instructions":"Be kind."}`, 5},
		"without a name":   {`{"tools":[{"description":"x"}]}`, 1},
	} {
		o, err := scan.Saved(saved(t, tc.text))
		if err != nil || len(o.Items) != tc.items || o.Server != "weather" {
			t.Errorf("%s: %d items of %q, %v", name, len(o.Items), o.Server, err)
		}
	}
	for name, text := range map[string]string{
		"another object":       `{"mcpServers":{}}`,
		"a name twice":         `{"tools":[],"tools":[` + honest + `]}`,
		"a name twice, inside": `{"tools":[{"name":"a","name":"b"}]}`,
		"no list":              `{"tools":7}`,
		"cut":                  `{"tools":[`,
		"an error":             `{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"x"}}`,
		"nothing":              ``,
	} {
		if o, err := scan.Saved(saved(t, text)); err == nil {
			t.Errorf("%s: read as %+v", name, o)
		}
	}
	if _, err := scan.Saved(saved(t, `{"mcpServers":{}}`)); !errors.Is(err, scan.ErrNoList) {
		t.Errorf("a client's file: %v", err)
	}
}

// report is one of a hostile tool, sorted.
func report(t *testing.T) *scan.Report {
	t.Helper()
	o, err := scan.Saved(saved(t, `{"tools":[`+hostile+`]}`))
	if err != nil {
		t.Fatal(err)
	}
	r := &scan.Report{}
	r.Definitions([]scan.Offer{o})
	r.Sort()
	if len(r.Findings) == 0 || r.Findings[0].Severity != "high" {
		t.Fatalf("found %+v", r.Findings)
	}
	return r
}

func TestABaselineLeavesOutWhatIsKnown(t *testing.T) {
	r := report(t)
	text, err := r.Baseline()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "baseline.json")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	b, err := scan.ReadBaseline(path)
	if err != nil {
		t.Fatal(err)
	}
	n := len(r.Findings)
	r.Subtract(b)
	if len(r.Findings) != 0 || r.Known != n {
		t.Errorf("left %d, known %d of %d", len(r.Findings), r.Known, n)
	}
	again := report(t)
	again.Subtract(scan.Baseline{})
	if len(again.Findings) != n {
		t.Errorf("an empty baseline left %d of %d", len(again.Findings), n)
	}
	for _, bad := range []string{`{"version":2,"findings":[]}`, `{"version":1,"findings":[],"x":1}`, `{`} {
		if err := os.WriteFile(path, []byte(bad), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := scan.ReadBaseline(path); err == nil {
			t.Errorf("%s was read", bad)
		}
	}
}

func TestSARIF(t *testing.T) {
	r := report(t)
	raw, err := r.SARIF(filepath.Base, "1.2.3")
	if err != nil {
		t.Fatal(err)
	}
	var log struct {
		Version string
		Runs    []struct {
			Tool struct {
				Driver struct{ Rules []struct{ ID string } }
			}
			Results []struct {
				RuleID    string
				RuleIndex int
				Level     string
				Locations []struct {
					PhysicalLocation struct {
						ArtifactLocation struct{ URI string }
						Region           struct{ StartLine int }
					}
				}
			}
		}
	}
	if err := json.Unmarshal(raw, &log); err != nil || log.Version != "2.1.0" || len(log.Runs) != 1 || len(log.Runs[0].Results) != len(r.Findings) {
		t.Fatalf("%v: %s", err, raw)
	}
	for _, res := range log.Runs[0].Results {
		if at := res.Locations[0].PhysicalLocation; at.ArtifactLocation.URI != "weather.json" || at.Region.StartLine != 1 {
			t.Errorf("at %+v", at)
		}
		if got := log.Runs[0].Tool.Driver.Rules[res.RuleIndex].ID; got != res.RuleID {
			t.Errorf("rule %s is at the index of %s", res.RuleID, got)
		}
	}
}

func TestTextShowsWhatIsHidden(t *testing.T) {
	var b strings.Builder
	r := report(t)
	if err := r.Text(&b); err != nil {
		t.Fatal(err)
	}
	for _, c := range b.String() {
		if c != '\n' && gate.Hidden(c) {
			t.Fatalf("the text holds U+%04X", c)
		}
	}
	if !strings.Contains(b.String(), "ignore") {
		t.Errorf("the decoded text is not shown:\n%s", b.String())
	}
}

// Whatever is in a saved list, reading it ends in an offer or an error, and the
// look at it in findings that name a place.
func FuzzSaved(f *testing.F) {
	f.Add(`{"tools":[` + hostile + `]}`)
	f.Add(`[{"name":1}]`)
	f.Add(`{"result":null}`)
	f.Fuzz(func(t *testing.T, text string) {
		o, err := scan.Saved(saved(t, text))
		if err != nil {
			return
		}
		var r scan.Report
		r.Definitions([]scan.Offer{o})
		for _, x := range r.Findings {
			if x.Rule == "" || x.Severity == "none" || x.Print == "" {
				t.Errorf("%+v", x)
			}
		}
	})
}
