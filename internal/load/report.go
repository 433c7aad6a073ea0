package load

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Report is what came of a run.
type Report struct {
	URL         string    `json:"url"`
	Clients     int       `json:"clients"`
	Eras        []string  `json:"eras"`
	Rate        float64   `json:"rate"` // asked for, operations a second; 0: as fast as answers came
	Seconds     float64   `json:"seconds"`
	Interrupted bool      `json:"interrupted,omitempty"` // before its time
	All         Figures   `json:"all"`
	Operations  []Figures `json:"operations"`
	Failures    []Failure `json:"failures"`  // the most frequent first
	Renewed     int64     `json:"renewed"`   // sessions that were gone, and made anew
	NotBegun    int64     `json:"not_begun"` // operations that were due before the end, when every client still waited

	whole *hdrhistogram.Histogram
}

// Figures are those of one operation in one era, or of all. Times are in milliseconds, of
// operations that had a result.
type Figures struct {
	Operation string  `json:"operation,omitempty"`
	Era       string  `json:"era,omitempty"`
	Done      int64   `json:"done"`
	Failed    int64   `json:"failed"`
	PerSecond float64 `json:"per_second"` // of those done
	P50       float64 `json:"p50_ms"`
	P90       float64 `json:"p90_ms"`
	P99       float64 `json:"p99_ms"`
	P999      float64 `json:"p99_9_ms"`
	Max       float64 `json:"max_ms"`
}

// Failure is a kind of operation without a result, by its stable code where it has one.
type Failure struct {
	Name  string `json:"name"`
	Count int64  `json:"count"`
	First string `json:"first"` // what the first of them said
}

func (r *run) report(took time.Duration, interrupted bool) *Report {
	t := r.tally
	t.mu.Lock()
	defer t.mu.Unlock()
	rep := &Report{
		URL: r.o.URL, Clients: r.o.Clients, Rate: r.o.Rate, Seconds: took.Seconds(), Interrupted: interrupted,
		Operations: []Figures{}, Failures: []Failure{}, Renewed: r.renewed.Load(), NotBegun: r.missed.Load(), whole: newHistogram(),
	}
	for _, era := range r.o.Eras {
		rep.Eras = append(rep.Eras, era.String())
	}
	var failed int64
	for _, k := range t.order {
		f := figures(t.of[k], t.failed[k], took)
		f.Operation, f.Era = k.operation, k.era.String()
		rep.Operations = append(rep.Operations, f)
		rep.whole.Merge(t.of[k])
		failed += t.failed[k]
	}
	rep.All = figures(rep.whole, failed, took)
	for _, f := range t.names {
		rep.Failures = append(rep.Failures, *f)
	}
	slices.SortFunc(rep.Failures, func(a, b Failure) int { return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Name, b.Name)) })
	return rep
}

func figures(h *hdrhistogram.Histogram, failed int64, took time.Duration) Figures {
	at := func(percentile float64) float64 { return float64(h.ValueAtQuantile(percentile)) / 1e3 }
	f := Figures{Done: h.TotalCount(), Failed: failed, P50: at(50), P90: at(90), P99: at(99), P999: at(99.9), Max: float64(h.Max()) / 1e3}
	if took > 0 {
		f.PerSecond = float64(f.Done) / took.Seconds()
	}
	return f
}

// WriteText writes the report for people.
func (r *Report) WriteText(w io.Writer) error {
	pace := "as fast as answers came"
	if r.Rate > 0 {
		pace = fmt.Sprintf("%g operations a second asked for", r.Rate)
	}
	fmt.Fprintf(w, "%d clients, %s, %.1f s, %s\n%s\n\n", r.Clients, strings.Join(r.Eras, " and "), r.Seconds, pace, r.URL)
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(tw, "operation\tera\tdone\tfailed\ta second\tp50 ms\tp90\tp99\tp99.9\tmax\t")
	row := func(name, era string, f *Figures) {
		fmt.Fprintf(tw, "%s\t%s\t%d\t%d\t%.1f\t%.2f\t%.2f\t%.2f\t%.2f\t%.2f\t\n", name, era, f.Done, f.Failed, f.PerSecond, f.P50, f.P90, f.P99, f.P999, f.Max)
	}
	for i := range r.Operations {
		row(r.Operations[i].Operation, r.Operations[i].Era, &r.Operations[i])
	}
	if len(r.Operations) > 1 {
		row("all", "", &r.All)
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	if r.NotBegun > 0 {
		fmt.Fprintf(w, "\n%d operations were due and not begun: the server was slower than the rate, and the times above are too good\n", r.NotBegun)
	}
	if r.Renewed > 0 {
		fmt.Fprintf(w, "\n%d sessions were gone and made anew\n", r.Renewed)
	}
	if len(r.Failures) > 0 {
		fmt.Fprintln(w, "\nfailed:")
	}
	for _, f := range r.Failures {
		if _, err := fmt.Fprintf(w, "  %7d  %s (%s)\n", f.Count, f.Name, f.First); err != nil {
			return err
		}
	}
	return nil
}

// WriteHistogram writes the times of all operations in milliseconds as HdrHistogram's tools
// read them (its plotter takes such files).
func (r *Report) WriteHistogram(w io.Writer) error {
	_, err := r.whole.PercentilesPrint(w, 5, 1000)
	return err
}
