package checklist_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"doorward/internal/checklist"
	"doorward/internal/config"
)

// The schema of the standard itself, SARIF 2.1.0 with errata 01, by OASIS.
const sarifSchema = "testdata/sarif-schema-2.1.0.json"

// sarif is the log of a configuration with much amiss.
func sarif(t *testing.T) ([]byte, checklist.Report) {
	t.Helper()
	cfg, data := parsed(t, "trust: {first_use: approve}\nupstreams:\n  a:\n    command: [npx, x]\n    allow_launch: [fetches]\n")
	st := sound()
	st.Line = config.Lines(data)
	st.Keys = []checklist.Key{{ID: "k_1", Name: "ci", Created: ago(1)}}
	r := checklist.Run(cfg, st)
	text, err := r.SARIF("conf/doorward.yaml", "1.2.3")
	if err != nil {
		t.Fatal(err)
	}
	return text, r
}

func valid(t *testing.T) func(text string) error {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	schema, err := c.Compile(sarifSchema)
	if err != nil {
		t.Fatal(err)
	}
	return func(text string) error {
		doc, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		return schema.Validate(doc)
	}
}

func TestSARIFFitsItsSchema(t *testing.T) {
	check := valid(t)
	text, _ := sarif(t)
	if err := check(string(text)); err != nil {
		t.Error(err)
	}
	for was, is := range map[string]string{
		`"level": "error"`:    `"level": "fail"`,
		`"startLine": 1`:      `"startLine": 0`,
		`"version": "2.1.0"`:  `"version": "2.2.0"`,
		`"shortDescription"`:  `"description"`,
		`"results": [`:        `"findings": [`,
		`"artifactLocation":`: `"artifact":`,
		`conf/doorward.yaml`:  `conf/%zz`,
	} {
		broken := strings.Replace(string(text), was, is, 1)
		if broken == string(text) {
			t.Errorf("the log has no %s", was)
		} else if check(broken) == nil {
			t.Errorf("the schema takes %s", is)
		}
	}
}

func TestSARIFSaysWhatTheListDoes(t *testing.T) {
	type result struct {
		RuleID    string
		RuleIndex int
		Level     string
		Message   struct{ Text string }
		Locations []struct {
			PhysicalLocation struct {
				ArtifactLocation struct{ URI string }
				Region           struct{ StartLine int }
			}
		}
		PartialFingerprints map[string]string
	}
	var log struct {
		Runs []struct {
			Tool struct {
				Driver struct {
					Version string
					Rules   []struct{ ID string }
				}
			}
			Results    []result
			Properties struct{ Declares []checklist.Declared }
		}
	}
	text, report := sarif(t)
	if err := json.Unmarshal(text, &log); err != nil {
		t.Fatal(err)
	}
	run := log.Runs[0]
	if len(run.Tool.Driver.Rules) != len(checklist.Entries()) || run.Tool.Driver.Version != "1.2.3" || len(run.Properties.Declares) != 1 {
		t.Errorf("%d rules, version %q, declares %v", len(run.Tool.Driver.Rules), run.Tool.Driver.Version, run.Properties.Declares)
	}
	amiss := 0
	for _, it := range report.Items {
		for _, e := range it.Evidence {
			if e.Status == fail || e.Status == warn {
				amiss++
			}
		}
	}
	if len(run.Results) != amiss {
		t.Errorf("%d results of %d", len(run.Results), amiss)
	}
	byID, prints := map[string]result{}, map[string]bool{}
	for _, r := range run.Results {
		byID[r.RuleID] = r
		at := r.Locations[0].PhysicalLocation
		if run.Tool.Driver.Rules[r.RuleIndex].ID != r.RuleID || at.ArtifactLocation.URI != "conf/doorward.yaml" || prints[r.PartialFingerprints["doorward/v1"]] {
			t.Errorf("%s: rule %d, in %s, fingerprint %v", r.RuleID, r.RuleIndex, at.ArtifactLocation.URI, r.PartialFingerprints)
		}
		prints[r.PartialFingerprints["doorward/v1"]] = true
	}
	for id, want := range map[string]struct {
		level string
		line  int
	}{
		"trust.first_use":     {"error", 2},
		"upstream.pinned":     {"error", 5},
		"declares.purpose":    {"warning", 4},
		"identity.key_expiry": {"warning", 1}, // the file says nothing of it
	} {
		r, ok := byID[id]
		if !ok {
			t.Errorf("no result of %s", id)
		} else if line := r.Locations[0].PhysicalLocation.Region.StartLine; r.Level != want.level || line != want.line {
			t.Errorf("%s: %s on line %d, want %s on line %d", id, r.Level, line, want.level, want.line)
		}
	}
	if want := "trust.first_use: is approve: whatever an upstream offers first is used, unseen. To do: set trust.first_use: hold"; !strings.HasPrefix(byID["trust.first_use"].Message.Text, want) {
		t.Errorf("the message is %q", byID["trust.first_use"].Message.Text)
	}
	if _, ok := byID["trust.lock_file"]; ok {
		t.Error("what is in order is a result")
	}
}
