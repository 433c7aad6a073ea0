package ingest

import "time"

// maxNotes is how many documents a report names.
const maxNotes = 1000

// Report is what an ingestion did.
type Report struct {
	New       int           `json:"new"`
	Changed   int           `json:"changed"`
	Unchanged int           `json:"unchanged"`
	Removed   int           `json:"removed"`
	Skipped   int           `json:"skipped"` // no document, or none that is read
	Blocked   int           `json:"blocked"` // by a detector
	Unread    int           `json:"unread"`  // could not be read this once
	Marked    int           `json:"marked"`  // kept, with findings of a detector
	Nobodys   int           `json:"nobodys"` // in the index, and no access rule gives them to anybody
	Passages  int           `json:"passages"`
	Bytes     int64         `json:"bytes"` // of the text that was embedded
	Took      time.Duration `json:"took"`  // nanoseconds
	Finished  bool          `json:"finished"`
	Notes     []Note        `json:"notes"`
	Unnamed   int           `json:"unnamed"` // notes that there is no room for
	Left      string        `json:"left"`    // why documents of before are still in the store, which are searched no more; empty: they are not
}

// Note is a document, or what is none, that something is to be said of.
type Note struct {
	Source string `json:"source"`
	Origin string `json:"origin"`
	What   string `json:"what"` // skipped, blocked, unread, marked
	Why    string `json:"why"`
}

// PerSecond is how many passages were embedded and kept in a second.
func (r *Report) PerSecond() float64 {
	if r.Took <= 0 {
		return 0
	}
	return float64(r.Passages) / r.Took.Seconds()
}

func (r *Report) note(n Note) {
	if len(r.Notes) == maxNotes {
		r.Unnamed++
		return
	}
	r.Notes = append(r.Notes, n)
}

// Progress is how far an ingestion is.
type Progress struct {
	Source   string
	Listed   bool // Found is all that the source has
	Found    int
	Done     int
	Passages int // of the whole run
	Bytes    int64
	Took     time.Duration
	Waiting  time.Duration // that the embedder has asked for, or that is left of it
}
