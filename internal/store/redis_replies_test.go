package store_test

import (
	"slices"
	"strings"
	"testing"

	"doorward/internal/dsn/dsntest"
	"doorward/internal/store"
)

// What a server announces is refused by its header, before there is room for it.
func TestDUR23_RedisThatAnnouncesTooMuch(t *testing.T) {
	t.Parallel()
	for text, reason := range map[string]string{
		"*10000000\r\n":                            "announces a list of 10000000 elements",
		"*9223372036854775807\r\n":                 "announces a list",
		"%10000000\r\n":                            "otherwise than Redis",
		"$1000000000\r\n":                          "announces a text of 1000000000 bytes",
		strings.Repeat("*1\r\n", 9):                "lists in lists",
		"-" + strings.Repeat("x", 70<<10) + "\r\n": "a line of more than",

		"*-2\r\n":                     "otherwise than Redis",
		"$" + strings.Repeat("0", 40): "otherwise than Redis",
	} {
		t.Run(text[:min(len(text), 12)], func(t *testing.T) {
			t.Parallel()
			refused(t, store.RedisConfig{URL: "redis://" + dsntest.Answering(t, text)}, reason)
		})
	}
}

// What Redis answers passes, and leaves nothing behind for the next answer.
func TestRepliesOfRedisPass(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"+OK\r\n", "-ERR no\r\n", ":-7\r\n", "$-1\r\n", "*-1\r\n", "*0\r\n", "$0\r\n\r\n", "$5\r\na\r\nb\n\r\n",
		"*2\r\n$1\r\n0\r\n*2\r\n$-1\r\n*0\r\n", "*60000\r\n" + strings.Repeat(":1\r\n", 60000), strings.Repeat("*1\r\n", 8) + "+OK\r\n",
		"$4000000\r\n" + strings.Repeat("*", 4000000) + "\r\n",
	} {
		all := slices.Repeat([][]byte{[]byte(text)}, 3)
		if err := store.FollowReplies(all...); err != nil {
			t.Errorf("%.20q: %v", text, err)
		}
	}
}

// What a list in a list announces counts together with what stands before it.
func TestDUR23_RedisThatAnnouncesMuchInPieces(t *testing.T) {
	t.Parallel()
	half := "*40000\r\n" + strings.Repeat(":1\r\n", 40000)
	if err := store.FollowReplies([]byte("*2\r\n"+half), []byte(half)); err == nil || !strings.Contains(err.Error(), "a list of 40000 elements") {
		t.Errorf("two halves in one answer: %v", err)
	}
	text := "$4000000\r\n" + strings.Repeat("x", 4000000) + "\r\n"
	all := append([][]byte{[]byte("*100\r\n")}, slices.Repeat([][]byte{[]byte(text)}, 70)...)
	if err := store.FollowReplies(all...); err == nil || !strings.Contains(err.Error(), "more than 268435456 bytes") {
		t.Errorf("280 MB in one answer: %v", err)
	}
}

// However an answer comes in pieces, it is the same answer.
func FuzzRedisReplies(f *testing.F) {
	for _, seed := range []string{"*2\r\n$1\r\n0\r\n*1\r\n:5\r\n", "$-1\r\n+OK\r\n", "*70000\r\n", "$99999999\r\n", "%1\r\n", "*1\r\n*1\r\n*1\r\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		whole := store.FollowReplies(data)
		pieces := store.FollowReplies(slices.Collect(slices.Chunk(data, 1))...)
		if (whole == nil) != (pieces == nil) || whole != nil && whole.Error() != pieces.Error() {
			t.Errorf("whole: %v; in pieces: %v", whole, pieces)
		}
	})
}
