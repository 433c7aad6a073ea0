package app_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/prometheus/client_golang/prometheus"
	metricspb "go.opentelemetry.io/proto/slim/otlp/metrics/v1"

	"doorward/internal/gatetest"
)

// offered are the metrics of a gateway with everything on, each with its labels.
func offered(g *gatetest.GW) map[string][]string {
	descs := make(chan *prometheus.Desc)
	go func() {
		defer close(descs)
		g.App.Describe(descs)
	}()
	all := map[string][]string{}
	read := regexp.MustCompile(`fqName: "([^"]+)".* variableLabels: \{([^}]*)\}`)
	for d := range descs {
		if m := read.FindStringSubmatch(d.String()); m != nil {
			var labels []string
			if m[2] != "" {
				labels = strings.Split(m[2], ",")
			}
			all[m[1]] = labels
		}
	}
	return all
}

// docs/reference/metrics.md names every metric of Doorward's with its labels, and no other.
func TestTheReferenceOfMetrics(t *testing.T) {
	t.Parallel()
	g, _ := traced(t, gatetest.Collector(t, nil), "")
	there := offered(g)
	if len(there) < 40 {
		t.Fatalf("only %d metrics are known", len(there))
	}
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "reference", "metrics.md"))
	if err != nil {
		t.Fatal(err)
	}
	quoted := regexp.MustCompile("`([a-z_]+)`")
	written := map[string]bool{}
	for line := range strings.Lines(string(page)) {
		cells := strings.Split(line, "|")
		if len(cells) < 5 || !strings.HasPrefix(strings.TrimSpace(cells[1]), "`doorward_") {
			continue
		}
		var labels []string
		for _, l := range quoted.FindAllStringSubmatch(cells[3], -1) {
			labels = append(labels, l[1])
		}
		for _, m := range quoted.FindAllStringSubmatch(cells[1], -1) {
			written[m[1]] = true
			if has, ok := there[m[1]]; !ok || !slices.Equal(has, labels) {
				t.Errorf("the page has %s with %v; there is one: %v, with %v", m[1], labels, ok, has)
			}
		}
	}
	for name := range there {
		if strings.HasPrefix(name, "doorward_") && !written[name] {
			t.Errorf("the page has nothing of %s", name)
		}
	}
}

// expressions are those of the shipped rules and of the dashboard, by where they stand.
func expressions(t *testing.T) map[string]string {
	t.Helper()
	read := func(path string) []byte {
		b, err := os.ReadFile(filepath.Join("..", "..", "deploy", path))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	all := map[string]string{}
	var rules struct {
		Groups []struct {
			Rules []struct{ Alert, Expr string }
		}
	}
	if err := yaml.Unmarshal(read("prometheus/doorward-alerts.yaml"), &rules); err != nil {
		t.Fatal(err)
	}
	for _, group := range rules.Groups {
		for _, r := range group.Rules {
			all["alert "+r.Alert] = r.Expr
		}
	}
	var board struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(read("grafana/doorward.json"), &board); err != nil {
		t.Fatal(err)
	}
	for _, p := range board.Panels {
		for _, target := range p.Targets {
			all["panel "+p.Title+" "+target.Expr] = target.Expr
		}
	}
	return all
}

// What the shipped rules and the dashboard ask for is there, with the labels that they
// ask for it by.
func TestTheShippedRulesAndDashboardAskForWhatThereIs(t *testing.T) {
	t.Parallel()
	g, _ := traced(t, gatetest.Collector(t, nil), "")
	there := offered(g)
	all := expressions(t)
	if len(all) < 30 {
		t.Fatalf("only %d expressions are read", len(all))
	}
	name := regexp.MustCompile(`\b([a-z_]+)\b(\{[^}]*\})?`)
	label := regexp.MustCompile(`([a-z_]+)\s*(?:=~|!~|!=|=)`)
	by := regexp.MustCompile(`by \(([a-z_, ]+)\)`)
	series := regexp.MustCompile(`^(doorward|go|process)_`)
	for where, expr := range all {
		asked := 0
		labels := map[string]bool{"instance": true, "job": true, "le": true} // of every target and histogram
		var of []string
		for _, m := range name.FindAllStringSubmatch(expr, -1) {
			if m[1] == "up" {
				asked++
			}
			if !series.MatchString(m[1]) {
				continue
			}
			asked++
			base := m[1]
			if _, ok := there[base]; !ok {
				base = strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(base, "_bucket"), "_count"), "_sum")
			}
			has, ok := there[base]
			if !ok {
				t.Errorf("%s: there is no %s", where, m[1])
			}
			for _, l := range has {
				labels[l] = true
			}
			for _, l := range label.FindAllStringSubmatch(m[2], -1) {
				of = append(of, l[1])
			}
		}
		for _, m := range by.FindAllStringSubmatch(expr, -1) {
			of = append(of, strings.Split(strings.ReplaceAll(m[1], " ", ""), ",")...)
		}
		for _, l := range of {
			if !labels[l] {
				t.Errorf("%s: nothing has the label %s", where, l)
			}
		}
		if asked == 0 {
			t.Errorf("%s asks for nothing", where)
		}
	}
}

// O2: a collector gets the metrics under the names that /metrics has, and where slow calls
// are to be found.
func TestO2_MetricsByOTLP(t *testing.T) {
	t.Parallel()
	c := gatetest.Collector(t, nil)
	g, _ := traced(t, c, ", interval: 1s")
	alice := g.As("alice", "reader").Open(eras[0])
	r := alice.Call("up__echo", `{}`)
	span := c.Of(t, r.Exchange, 2)[0]
	var calls float64
	var exemplar []byte
	_, metrics, _ := c.Await(t, func(_ []gatetest.Span, all []*metricspb.Metric) bool {
		calls, exemplar = 0, nil
		for _, m := range all {
			for _, p := range m.GetSum().GetDataPoints() {
				if m.GetName() == "doorward_exchanges_total" && p.GetAttributes()[0].GetValue().GetStringValue() == "tools/call" {
					calls += p.GetAsDouble()
				}
			}
			for _, p := range m.GetHistogram().GetDataPoints() {
				total := uint64(0)
				for _, n := range p.GetBucketCounts() {
					total += n
				}
				if total != p.GetCount() || len(p.GetBucketCounts()) != len(p.GetExplicitBounds())+1 {
					t.Errorf("%s: %d in buckets, %d in all", m.GetName(), total, p.GetCount())
				}
				for _, e := range p.GetExemplars() {
					if m.GetName() == "doorward_exchange_duration_seconds" && string(e.GetTraceId()) == string(span.GetTraceId()) {
						exemplar = e.GetSpanId()
					}
				}
			}
		}
		return calls == 1 && exemplar != nil
	})
	if string(exemplar) != string(span.GetSpanId()) {
		t.Errorf("the exemplar is %x, want %s", exemplar, span.ID)
	}
	has := map[string]bool{}
	for _, m := range metrics {
		has[m.GetName()] = true
	}
	for _, name := range []string{"doorward_build_info", "doorward_sessions", "doorward_stage_duration_seconds", "go_goroutines", "go_gc_duration_seconds"} {
		if !has[name] {
			t.Errorf("the collector has no %s", name)
		}
	}
}
