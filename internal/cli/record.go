package cli

import (
	"fmt"
	"io"
	"strings"
	"time"

	"doorward/internal/audit"
	"doorward/internal/config"
)

// putRecord prints a record: its very line of the log as JSON, or one line for
// people.
func (r *run) putRecord(rec *audit.Record) error {
	if r.format == "json" {
		_, err := r.Stdout.Write(append(rec.AppendJSON(nil), '\n'))
		return err
	}
	_, err := fmt.Fprintln(r.out(), recordText(rec))
	return err
}

// recordText is a record in one line. What came from clients and upstreams is
// made visible; nothing in it can start a line of its own.
func recordText(rec *audit.Record) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%6d %s %-7s", rec.Seq, rec.Time.Local().Format("2006-01-02 15:04:05.000"), rec.Kind)
	word := func(format string, s string) {
		if s != "" {
			fmt.Fprintf(&b, format, visible(s))
		}
	}
	word(" %s", rec.Event)
	word(" by %s", rec.Actor)
	word(" %s", whose(rec))
	word(" %s", rec.Method)
	if rec.Upstream != "" || rec.Item != "" {
		word(" %s", strings.Trim(rec.Upstream+"/"+rec.Item, "/"))
	}
	word(" %s", rec.Status)
	word(" %s", rec.Code)
	word(" at %s", rec.Stage)
	word(" (%s)", rec.Reason)
	word(" by rule %s", rec.Rule)
	word(" approval %s", rec.Approval)
	word(" as kept from %s", rec.Cached)
	for _, seen := range rec.Observed {
		word(" observed (%s)", seen)
	}
	for _, f := range rec.Findings {
		word(" found (%s)", f)
	}
	word(" without (%s)", strings.Join(rec.Weaker, ", "))
	word(" %s", rec.Detail)
	if rec.Kind == audit.KindOutcome {
		fmt.Fprintf(&b, " %s", rec.Duration.Round(time.Microsecond))
	}
	word(" %s", rec.Exchange)
	return b.String()
}

// whose says who a record is about: the subject, or while that is sealed the first
// digits of the key that sealed it.
func whose(rec *audit.Record) string {
	if rec.Principal.Subject == "" && rec.Key != (audit.SubjectID{}) {
		return "person:" + rec.Key.String()[:8]
	}
	return rec.Principal.Subject
}

// reportJSON is what verify prints for machines.
type reportJSON struct {
	Log        string        `json:"log"`
	OK         bool          `json:"ok"`
	Records    uint64        `json:"records"`
	Segments   int           `json:"segments"`
	Bytes      int64         `json:"bytes"`
	First      time.Time     `json:"first,omitzero"`
	Last       time.Time     `json:"last,omitzero"`
	Origin     string        `json:"origin"`
	Head       string        `json:"head"`
	Root       string        `json:"root"`
	Keys       []keyJSON     `json:"keys"`
	Proven     uint64        `json:"proven"`
	Elsewhere  uint64        `json:"proven_elsewhere"`
	Others     int           `json:"checkpoints_of_other_logs,omitempty"`
	Witnessed  []witnessJSON `json:"witnessed,omitempty"`
	Unanswered uint64        `json:"unanswered"`
	// Pruned are records that were removed because their time was over.
	Pruned        uint64            `json:"pruned"`
	PrunedClasses map[string]uint64 `json:"pruned_classes,omitempty"`
	// KeptFor is how long the class was kept that was kept for the shortest time.
	KeptFor string `json:"kept_for,omitempty"`
	Fault   string `json:"fault,omitempty"`
}

// witnessJSON is what a witness has seen of the log (audit.Witnessed).
type witnessJSON struct {
	By      string    `json:"by"`
	Records uint64    `json:"records"`
	At      time.Time `json:"at,omitzero"`
}

// keyJSON is a key that signs the log's checkpoints (audit.Key).
type keyJSON struct {
	Public      string `json:"public"`
	Since       uint64 `json:"since"`
	Trusted     bool   `json:"trusted"`
	Compromised uint64 `json:"compromised,omitempty"`
}

func (k keyJSON) remark() string {
	switch {
	case k.Compromised > 0:
		return fmt.Sprintf(", compromised since record %d", k.Compromised)
	case !k.Trusted:
		return ", which nothing certifies: the key before it was lost, or somebody else wrote the log"
	}
	return ""
}

func reportOf(dir string, rep audit.Report) reportJSON {
	out := reportJSON{
		Log: dir,
		OK:  rep.Fault == nil, Records: rep.Records, Segments: rep.Segments, Bytes: rep.Bytes, First: rep.First, Last: rep.Last,
		Origin: rep.Origin, Head: rep.Head, Root: rep.Root, Proven: rep.Proven, Unanswered: rep.Unanswered, Keys: []keyJSON{},
		Elsewhere: rep.Elsewhere, Others: rep.Others,
	}
	for _, w := range rep.Witnessed {
		out.Witnessed = append(out.Witnessed, witnessJSON(w))
	}
	if p := rep.Pruned; p.Records > 0 {
		out.Pruned, out.PrunedClasses, out.KeptFor = p.Records, p.Classes, config.Duration(p.Shortest).String()
	}
	for _, k := range rep.Keys {
		out.Keys = append(out.Keys, keyJSON(k))
	}
	if rep.Fault != nil {
		out.Fault = rep.Fault.Error()
	}
	return out
}

// text is the report for people.
func (rep reportJSON) text(w io.Writer) error {
	if !rep.OK {
		_, err := fmt.Fprintf(w, "%s: TAMPERED: %s\n%d records before it are in order.\n", rep.Log, rep.Fault, rep.Records)
		return err
	}
	_, _ = fmt.Fprintf(w, "%s: %d records in %d segments, one unbroken chain.\n", rep.Log, rep.Records, rep.Segments)
	_, _ = fmt.Fprintf(w, "A checkpoint covers the first %d; records after it could have been cut unnoticed.\n", rep.Proven)
	rep.proof(w)
	for _, k := range rep.Keys {
		_, _ = fmt.Fprintf(w, "Signed since record %d by %s%s.\n", k.Since, visible(k.Public), k.remark())
	}
	if rep.Pruned > 0 {
		_, _ = fmt.Fprintf(w, "%d of them were pruned, as records of the log say, after %s or more.\n", rep.Pruned, rep.KeptFor)
	}
	if rep.Unanswered > 0 {
		_, _ = fmt.Fprintf(w, "%d calls have an intent and no outcome: they were under way when the gateway died, or still are.\n", rep.Unanswered)
	}
	return nil
}

// proof says what checkpoints from elsewhere and witnesses show of the log's end.
func (rep reportJSON) proof(w io.Writer) {
	if rep.Elsewhere > 0 {
		_, _ = fmt.Fprintf(w, "A checkpoint from elsewhere proves the first %d of them.\n", rep.Elsewhere)
	} else {
		_, _ = fmt.Fprintln(w, "Tail unproven: without a checkpoint from elsewhere (--checkpoint), an older copy of the log in its place is not found.")
	}
	if rep.Others > 0 {
		_, _ = fmt.Fprintf(w, "%d checkpoints are of other logs, and were left out.\n", rep.Others)
	}
	for _, by := range rep.Witnessed {
		if by.Records == 0 {
			_, _ = fmt.Fprintf(w, "Witness %s has cosigned none of these checkpoints.\n", visible(by.By))
			continue
		}
		_, _ = fmt.Fprintf(w, "Witness %s had seen the first %d at %s.\n", visible(by.By), by.Records, by.At.Format(time.RFC3339))
	}
}
