package app_test

import (
	"math"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"testing"
	"time"

	"doorward/internal/app"
	"doorward/internal/gatetest"
	"doorward/internal/monitor/figures"
)

// sample reads one sample of the metrics; what is not there is 0.
func sample(t *testing.T, h *gatetest.GW, series string) float64 {
	t.Helper()
	scrape := httptest.NewRecorder()
	h.App.Metrics().ServeHTTP(scrape, httptest.NewRequest(http.MethodGet, "/metrics", http.NoBody))
	m := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(series) + ` (\S+)$`).FindStringSubmatch(scrape.Body.String())
	if m == nil {
		return 0
	}
	v, err := strconv.ParseFloat(m[1], 64)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// figuresAgree holds the metrics of a gateway's security figures to what its records
// come to (A8).
func figuresAgree(t *testing.T, h *gatetest.GW) *figures.Summary {
	t.Helper()
	g, err := app.Figures(t.Context(), []string{h.AuditDir()}, time.Time{}, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	s := g.Summary(time.Time{}, time.Time{})
	for proof, n := range s.Authentication.Arrivals {
		if got := sample(t, h, `doorward_arrivals_total{proof="`+string(proof)+`"}`); got != float64(n) {
			t.Errorf("%s: %v by the metrics, %d on record", proof, got, n)
		}
	}
	for code, n := range s.Limits.Codes {
		if got := sample(t, h, `doorward_limit_violations_total{code="`+code+`"}`); got != float64(n) {
			t.Errorf("%s: %v by the metrics, %d on record", code, got, n)
		}
	}
	var count, sum float64
	for rule, n := range s.Detection.Rules {
		var got float64
		eventually(t, "alerts of "+rule+" are counted", func() bool { // after they are on record, for which nobody waits
			got = sample(t, h, `doorward_detection_seconds_count{rule="`+rule+`"}`)
			return got >= float64(n)
		})
		if got != float64(n) {
			t.Errorf("alerts of %s: %v by the metrics, %d on record", rule, got, n)
		}
		count += got
		sum += sample(t, h, `doorward_detection_seconds_sum{rule="`+rule+`"}`)
	}
	if mean := s.Detection.Mean / 1000; count > 0 && math.Abs(sum/count-mean) > 1e-6 {
		t.Errorf("detected in %v s by the metrics, %v s on record", sum/count, mean)
	}
	return &s
}
