package docs_test

import (
	"errors"
	"testing"

	"doorward/internal/docs"
)

// A right that is lost says why it was not renewed: what renewing said last, but for that it
// is lost.
func TestLostTurnSaysWhy(t *testing.T) {
	away := errors.New("the database is away")
	for _, tc := range []struct {
		name  string
		noted []error
		want  error
	}{
		{"nothing", nil, nil},
		{"a failure", []error{away}, away},
		{"a failure, and that it is lost", []error{away, &docs.LostError{}}, away},
		{"a failure, and renewed", []error{away, nil}, nil},
	} {
		var r docs.Renewal
		for _, err := range tc.noted {
			r.Note(err)
		}
		lost, ok := errors.AsType[*docs.LostError](r.Lost())
		if !ok || !errors.Is(lost.Why, tc.want) {
			t.Errorf("%s: %v", tc.name, r.Lost())
		}
	}
}
