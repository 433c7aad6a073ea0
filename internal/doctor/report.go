package doctor

// Status says how a check ended.
type Status string

// The ways in which a check ends.
const (
	OK      Status = "ok"
	Problem Status = "problem"
	Skipped Status = "skipped" // it could not be looked at, or does not apply
)

// Finding is what one check saw. Texts may hold what a server said, bounded,
// without the credential, and with ⟨U+XXXX⟩ for every character that a terminal
// would hide or obey. Fix alone may have several lines.
type Finding struct {
	ID     string `json:"id"`              // stable, such as "tls.chain"
	Status Status `json:"status"`          //
	Cause  string `json:"cause,omitempty"` // stable word that tells the problems of one id apart
	Seen   string `json:"seen"`            // what was seen
	Why    string `json:"why,omitempty"`   // why it keeps clients out; of a problem
	Fix    string `json:"fix,omitempty"`   // the command or the lines that mend it; of a problem
}

// Report is everything that was found, in the order of the checks.
type Report struct {
	URL      string    `json:"url"` // without its query
	Findings []Finding `json:"checks"`
}

// Problems counts the findings that keep clients out.
func (r *Report) Problems() int {
	n := 0
	for i := range r.Findings {
		if r.Findings[i].Status == Problem {
			n++
		}
	}
	return n
}

func fine(id, seen string) []Finding { return []Finding{{ID: id, Status: OK, Seen: seen}} }

func skip(id, seen string) []Finding { return []Finding{{ID: id, Status: Skipped, Seen: seen}} }
