package issuer

import (
	"errors"
	"fmt"
)

// The judgements. Every other error means that the token cannot be judged now.
var (
	// ErrInvalid is a token or a proof that was judged and refused. The text
	// after it is for the operator.
	ErrInvalid = errors.New("not valid")
	// ErrExpired is a token that was good until its exp. The Token that comes
	// with it says whose it was, and nothing about what it allowed.
	ErrExpired = errors.New("token has expired")
)

// invalid is a refusal. The reason is our own text and quotes nothing.
func invalid(reason string) error { return fmt.Errorf("%w: %s", ErrInvalid, reason) }

// both is two errors on one line; either may be nil.
func both(a, b error) error {
	if a == nil || b == nil {
		return errors.Join(a, b)
	}
	return fmt.Errorf("%w; %w", a, b)
}

// judged tells whether err is a judgement, and not a failure to judge.
func judged(err error) bool { return errors.Is(err, ErrInvalid) || errors.Is(err, ErrExpired) }
