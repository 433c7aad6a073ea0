package ingest_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"doorward/internal/docs"
	"doorward/internal/docs/ingest"
)

// keeping is an index whose store lets nothing of before be removed.
type keeping struct{ docs.Writable }

type keepingWriter struct{ docs.Writer }

func (x keeping) Open(ctx context.Context) (docs.Writer, error) {
	w, err := x.Writable.Open(ctx)
	return keepingWriter{w}, err
}

func (x keeping) Begin(ctx context.Context, made docs.Description) (docs.Writer, error) {
	w, err := x.Writable.Begin(ctx, made)
	return keepingWriter{w}, err
}

func (w keepingWriter) Finish(ctx context.Context, made docs.Description) error {
	return errors.Join(w.Writer.Finish(ctx, made), docs.Left(errors.New("it is in use")))
}

// What of before cannot be removed is told, and no failure: the documents are in.
func TestWhatIsLeftIsTold(t *testing.T) {
	p := newPlace(t)
	p.many(3)
	p.job.Index = keeping{p.index}
	for range 2 { // the second goes on, by other rules: it finishes twice
		report, err := p.job.Run(t.Context(), p.from("one"))
		if err != nil || !report.Finished || !strings.Contains(report.Left, "could not be removed") || !strings.Contains(report.Left, "it is in use") {
			t.Fatalf("%+v, %v", report, err)
		}
		p.job.Wanted.Access = [32]byte{2}
	}
	if n, left, err := ingest.Remove(t.Context(), p.job.Index, "one"); n != 3 || err != nil || left == nil {
		t.Errorf("%d, %v, %v", n, left, err)
	}
}
