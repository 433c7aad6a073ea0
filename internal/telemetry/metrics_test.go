package telemetry_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"doorward/internal/gate"
	"doorward/internal/telemetry"
)

// scrape reads the metrics as Prometheus does.
func scrape(t *testing.T, m *telemetry.Metrics) (series int, text string) {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", http.NoBody))
	text = w.Body.String()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(text))
	if err != nil {
		t.Fatalf("the exposition does not parse: %v", err)
	}
	for _, f := range families {
		series += len(f.GetMetric())
	}
	return series, text
}

// LOG-09 and LOG-10: whatever clients and upstreams call things, there are no more
// series than before, and the exposition parses.
func TestLOG09_LOG10_NobodyElseMakesLabels(t *testing.T) {
	m := telemetry.New("test \"\n\\")
	exchange := func(text string) {
		ex := &gate.Exchange{ID: text, Principal: &gate.Principal{Subject: text, Tenant: text, Credential: text}}
		ex.Inbound = gate.Inbound{Profile: text, Session: text, UserAgent: text, Method: text, Target: text}
		ex.Call = gate.Call{Name: text, Version: text}
		ex.Target = gate.Target{Upstream: "up", Item: &gate.Item{Name: text, Upstream: "up"}}
		out := gate.Outcome{Verdict: gate.Refuse(gate.CodeDenied, text, text), Status: "refused", Stage: text, Intent: true}
		m.Done(ex, out)
		m.Stage(text, 1)
	}
	exchange("first")
	before, _ := scrape(t, m)
	const random = 100_000
	for i := range random {
		exchange(fmt.Sprintf("tool-%d\"\n\\{}\xff\u202e", i))
	}
	after, text := scrape(t, m)
	if after != before {
		t.Errorf("%d series before, %d after", before, after)
	}
	if strings.Contains(text, "tool-") {
		t.Error("a name that a client chose is a label")
	}
	if !strings.Contains(text, fmt.Sprintf(`doorward_stage_duration_seconds_count{stage="other"} %d`, random+1)) {
		t.Error("stages without a name are not counted as other")
	}
}
