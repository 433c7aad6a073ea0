package evaluate

import (
	"context"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"

	"doorward/internal/docs"
)

// Searcher finds passages: *docs.Library.
type Searcher interface {
	Search(ctx context.Context, q docs.Question) ([]docs.Found, error)
}

// Settings are how questions are asked.
type Settings struct {
	Modes []string // of docs.Question; none: all three
	Roles []string // who asks, sorted
}

// depth is how many documents are looked at of each answer.
const depth = 10

// At are the places that recall is told for.
func At() []int { return []int{1, 3, 5, 10} }

// Score is how well a way to search did.
type Score struct {
	Mode      string          `json:"mode"`
	Questions int             `json:"questions"`
	Recall    map[int]float64 `json:"recall"` // share of the questions with an answer among the first k documents
	MRR       float64         `json:"mrr"`    // mean of 1/place of the first answer, 0 where there is none
	Median    time.Duration   `json:"median"` // of a search; nanoseconds
	P95       time.Duration   `json:"p95"`
	Missed    []Missed        `json:"missed"`
}

// Missed is a question whose answer is not among the first documents.
type Missed struct {
	Question string   `json:"question"`
	Expect   []string `json:"expect"`
	Found    []string `json:"found"` // the first documents
}

// Run asks all questions in every mode.
func Run(ctx context.Context, s Searcher, questions []Question, set Settings) ([]Score, error) {
	if len(set.Modes) == 0 {
		set.Modes = []string{docs.Words, docs.Meaning, docs.Hybrid}
	}
	var scores []Score
	for _, mode := range set.Modes {
		score, err := run(ctx, s, questions, mode, set)
		if err != nil {
			return nil, fmt.Errorf("searching by %s: %w", mode, err)
		}
		scores = append(scores, score)
	}
	return scores, nil
}

func run(ctx context.Context, s Searcher, questions []Question, mode string, set Settings) (Score, error) {
	score := Score{Mode: mode, Questions: len(questions), Recall: map[int]float64{}, Missed: []Missed{}}
	took := make([]time.Duration, 0, len(questions))
	for i := range questions {
		q := &questions[i]
		start := time.Now()
		found, err := s.Search(ctx, docs.Question{Text: q.Text, Most: docs.MaxFound, Mode: mode, Roles: set.Roles})
		if err != nil {
			return Score{}, err
		}
		took = append(took, time.Since(start))
		place, first := q.place(found)
		if place == 0 {
			score.Missed = append(score.Missed, Missed{Question: q.Text, Expect: q.Expect, Found: first[:min(len(first), 3)]})
			continue
		}
		score.MRR += 1 / float64(place)
		for _, k := range At() {
			if place <= k {
				score.Recall[k]++
			}
		}
	}
	n := float64(len(questions))
	for _, k := range At() {
		score.Recall[k] /= n
	}
	score.MRR /= n
	slices.Sort(took)
	score.Median, score.P95 = took[len(took)/2], took[len(took)*95/100]
	return score, nil
}

// place is at which place, of documents, the first answer is; 0 for none among the first ten.
// Passages of one document count once, where the first of them is.
func (q *Question) place(found []docs.Found) (int, []string) {
	var seen []string
	for i := range found {
		f := &found[i]
		if !slices.Contains(seen, f.Document.URI) {
			if len(seen) == depth {
				break
			}
			seen = append(seen, f.Document.URI)
		}
		if q.answers(f) {
			return slices.Index(seen, f.Document.URI) + 1, seen
		}
	}
	return 0, seen
}

// Table writes scores for people.
func Table(w io.Writer, scores []Score) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprint(tw, "mode\tquestions\t")
	for _, k := range At() {
		_, _ = fmt.Fprintf(tw, "recall@%d\t", k)
	}
	_, _ = fmt.Fprint(tw, "MRR\tmedian\tp95\t\n")
	for i := range scores {
		s := &scores[i]
		_, _ = fmt.Fprintf(tw, "%s\t%d\t", s.Mode, s.Questions)
		for _, k := range At() {
			_, _ = fmt.Fprintf(tw, "%.3f\t", s.Recall[k])
		}
		_, _ = fmt.Fprintf(tw, "%.3f\t%s\t%s\t\n", s.MRR, round(s.Median), round(s.P95))
	}
	return tw.Flush()
}

// round shows three figures of milliseconds.
func round(d time.Duration) time.Duration { return d.Round(10 * time.Microsecond) }
