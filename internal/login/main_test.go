package login_test

import (
	"context"
	"fmt"
	"os"
	"testing"

	"doorward/internal/login"
)

// The test binary is another process with the same tokens, when it is started so.
func TestMain(m *testing.M) {
	if dir := os.Getenv("LOGIN_TEST_DIR"); dir != "" {
		os.Exit(other(dir, os.Getenv("LOGIN_TEST_URL")))
	}
	os.Exit(m.Run())
}

func other(dir, url string) int {
	s, err := login.New(login.Options{Dir: dir, Say: func(string) {}, Secret: secret}).Source(login.Request{URL: url}, login.NoFlow)
	if err == nil {
		var access string
		if access, _, err = s.Token(context.Background()); err == nil {
			fmt.Print(access)
			return 0
		}
	}
	fmt.Fprintln(os.Stderr, err)
	return 1
}

// newStop is a context that the test ends, and says why.
func newStop(t testing.TB) (context.Context, func(error)) {
	t.Helper()
	ctx, stop := context.WithCancelCause(t.Context())
	t.Cleanup(func() { stop(nil) })
	return ctx, stop
}
