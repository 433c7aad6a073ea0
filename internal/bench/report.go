package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"runtime"
	"strconv"
	"strings"
	"text/tabwriter"
)

// figure is a number that may be missing: NaN is null in JSON and – in text.
type figure float64

// MarshalJSON implements json.Marshaler.
func (f figure) MarshalJSON() ([]byte, error) {
	if v := float64(f); !math.IsNaN(v) && !math.IsInf(v, 0) {
		return json.Marshal(math.Round(v*1e4) / 1e4)
	}
	return []byte("null"), nil
}

// text writes f with so many decimals.
func (f figure) text(decimals int) string {
	if math.IsNaN(float64(f)) || math.IsInf(float64(f), 0) {
		return "–"
	}
	return strconv.FormatFloat(float64(f), 'f', decimals, 64)
}

// report is everything that was measured, as JSON shows it.
type report struct {
	Go      string    `json:"go"`
	System  string    `json:"system"`
	CPUs    int       `json:"cpus"`
	Rounds  int       `json:"rounds"`
	Seconds float64   `json:"seconds"`
	Rows    []row     `json:"rows"`
	Starts  []started `json:"starts"`
	Idle    []idle    `json:"idle_sessions"`
	Goals   []goal    `json:"goals"`
	Audit   string    `json:"audit_verify,omitempty"`
	Load    figure    `json:"load_average_before"` // of the last minute
}

// busy is the load for each CPU from which the machine counts as busy.
const busy = 0.3

func newReport(o *options) *report {
	return &report{
		Go: runtime.Version(), System: runtime.GOOS + "/" + runtime.GOARCH, CPUs: runtime.NumCPU(),
		Rounds: o.rounds, Seconds: o.window.Seconds(), Load: figure(loadAverage()),
	}
}

func (r *report) writeJSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(r)
}

func (r *report) writeText(w io.Writer) error {
	fmt.Fprintf(w, "tools/call over loopback, %s, %s, %d CPUs; %d rounds of %g s (medians)\n",
		r.Go, r.System, r.CPUs, r.Rounds, r.Seconds)
	if float64(r.Load) > busy*float64(r.CPUs) {
		fmt.Fprintf(w, "The machine was busy before this began (load %s): trust ratios and CPU, not rates and tails.\n", r.Load.text(1))
	}
	fmt.Fprintln(w)
	var table bytes.Buffer
	tw := tabwriter.NewWriter(&table, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(tw, "era\tconns\tpayload\ttarget\treq/s\t× direct\t× revproxy\tp50 µs\tp99 µs\tp99 × revproxy\tCPU µs\tCPU × revproxy\tallocs\talloc KiB\tRSS MiB\t")
	for i, row := range r.Rows {
		if i > 0 && row.cell() != r.Rows[i-1].cell() {
			fmt.Fprintln(tw, "\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t")
		}
		fmt.Fprintf(tw, "%s\t%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t\n",
			row.Era, row.Connections, payloadName(row.Payload), row.Target,
			row.PerSecond.text(0), row.OfDirect.text(2), row.OfProxy.text(2),
			row.P50.text(0), row.P99.text(0), row.P99OfProxy.text(2),
			row.CPU.text(1), row.CPUOfProxy.text(2),
			row.Allocs.text(1), (row.AllocBytes / 1024).text(1), (row.RSS / (1 << 20)).text(1))
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	for line := range strings.Lines(table.String()) { // the empty rows are blanks
		if _, err := fmt.Fprintln(w, strings.TrimRight(line, " \n")); err != nil {
			return err
		}
	}
	for _, row := range r.Rows {
		if row.Failed > 0 {
			fmt.Fprintf(w, "\n%d calls to %s failed (%s, %d connections, %s): %s\n",
				row.Failed, row.Target, row.Era, row.Connections, payloadName(row.Payload), row.Reason)
		}
	}
	if err := r.writeProcess(w); err != nil {
		return err
	}
	return r.writeGoals(w)
}

// cell tells the rows of one cell from those of the next.
func (r row) cell() cell {
	e := stateful
	if r.Era == stateless.String() {
		e = stateless
	}
	return cell{era: e, connections: r.Connections, payload: r.Payload}
}

// writeProcess writes what concerns a process and no cell.
func (r *report) writeProcess(w io.Writer) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(tw, "\nfrom start to answer\tinitialize ms\tcall ms\t")
	for _, s := range r.Starts {
		fmt.Fprintf(tw, "%s\t%s\t%s\t\n", s.Target, s.Initialize.text(1), s.Call.text(1))
	}
	if len(r.Idle) > 0 {
		fmt.Fprintln(tw, "\nidle session, no stream\tsessions\tRSS KiB\tGo heap KiB\t")
	}
	for _, i := range r.Idle {
		fmt.Fprintf(tw, "%s\t%d\t%s\t%s\t\n", i.Target, i.Sessions, (i.RSS / 1024).text(2), (i.Heap / 1024).text(2))
	}
	return tw.Flush()
}

func (r *report) writeGoals(w io.Writer) error {
	if r.Audit != "" {
		fmt.Fprintf(w, "\naudit verify: %s\n", r.Audit)
	}
	if len(r.Goals) == 0 {
		return nil
	}
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "\ngoal\tmeasured\tfirst\t\tthen\t")
	for _, g := range r.Goals {
		fmt.Fprintf(tw, "%s\t%s\t%s %s\t%s", g.What, g.Measured.text(g.decimals),
			g.relation(), g.First.text(g.decimals), verdict(g.FirstMet))
		if !math.IsNaN(float64(g.Then)) {
			fmt.Fprintf(tw, "\t%s %s\t%s", g.relation(), g.Then.text(g.decimals), verdict(g.ThenMet))
		}
		fmt.Fprintln(tw)
	}
	return tw.Flush()
}

func verdict(met bool) string {
	if met {
		return "met"
	}
	return "missed"
}
