package cli

import (
	"fmt"
	"strings"
	"time"

	"doorward/internal/docs/ingest"
)

// Widths and times of a progress bar.
const (
	barWidth   = 24
	barEvery   = 100 * time.Millisecond
	etaMinimum = time.Second // before which a rate says nothing
)

// progress shows how far an ingestion is: a bar on a terminal, otherwise a line every two
// seconds. The second function leaves the terminal as it was.
func (r *run) progress() (func(ingest.Progress), func()) {
	if r.quiet {
		return nil, func() {}
	}
	var told time.Time
	if !isTerminal(r.Stderr) {
		told = time.Now()
		return func(p ingest.Progress) {
			if now := time.Now(); now.Sub(told) >= progressEvery {
				told = now
				r.warn("%s", progressText(p))
			}
		}, func() {}
	}
	show := func(p ingest.Progress) {
		now := time.Now()
		if now.Sub(told) < barEvery {
			return
		}
		told = now
		_, _ = fmt.Fprint(r.Stderr, "\r\033[K"+bar(p)+" "+progressText(p)) // no text of others is in it
	}
	return show, func() { _, _ = fmt.Fprint(r.Stderr, "\r\033[K") }
}

// bar is empty where nobody knows how much there is.
func bar(p ingest.Progress) string {
	full := 0
	if p.Listed && p.Found > 0 {
		full = min(barWidth, barWidth*p.Done/p.Found)
	}
	return "[" + strings.Repeat("#", full) + strings.Repeat(".", barWidth-full) + "]"
}

// progressText is how far it is, how fast, and how long it will take.
func progressText(p ingest.Progress) string {
	of := fmt.Sprint(p.Found)
	if !p.Listed {
		of += " or more"
	}
	text := fmt.Sprintf("%s: %d of %s documents, %d passages", p.Source, p.Done, of, p.Passages)
	if p.Waiting > 0 {
		return text + fmt.Sprintf(", the embedder is left alone for %s", p.Waiting.Round(time.Second))
	}
	if p.Took < etaMinimum || p.Done == 0 {
		return text
	}
	text += fmt.Sprintf(", %.0f a second", float64(p.Passages)/p.Took.Seconds())
	if p.Listed && p.Done < p.Found {
		left := time.Duration(float64(p.Took) / float64(p.Done) * float64(p.Found-p.Done))
		text += fmt.Sprintf(", %s left", left.Round(time.Second))
	}
	return text
}
