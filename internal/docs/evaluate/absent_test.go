package evaluate_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"doorward/internal/docs"
	"doorward/internal/docs/evaluate"
)

// shelf lists documents, sorted.
type shelf []string

func (s shelf) List(_ context.Context, in docs.Listing) (all []docs.Document, err error) {
	for _, uri := range s {
		if uri > in.After && len(all) < in.Limit {
			all = append(all, docs.Document{URI: uri})
		}
	}
	return all, nil
}

// What a missed question expects is looked for in the whole list.
func TestAbsentDocumentsAreNamed(t *testing.T) {
	var s shelf
	for i := range 2500 {
		s = append(s, fmt.Sprintf("docs://u/s/%04d.md", i))
	}
	scores := []evaluate.Score{
		{Missed: []evaluate.Missed{{Expect: []string{"0001.md", "gone.md"}}, {Expect: []string{"docs://u/s/2400.md"}}}},
		{Missed: []evaluate.Missed{{Expect: []string{"gone.md", "/other.md", "00.md"}}}},
	}
	got, err := evaluate.Absent(t.Context(), s, scores, nil)
	if diff := cmp.Diff([]string{"/other.md", "00.md", "gone.md"}, got); err != nil || diff != "" {
		t.Error(diff, err)
	}
	if got, err := evaluate.Absent(t.Context(), nil, nil, nil); err != nil || got != nil {
		t.Errorf("of no question: %v, %v", got, err)
	}
}
