package upstream_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"strings"
)

// evilChild is a stdio server that behaves until its tool evil is called, which
// writes os.Args[3] with $ID and $TOKEN, and $RAW that is no UTF-8, in their places, as it is. It tells
// whether mode is one of its own:
//
//	says      as above; after that it behaves again
//	mute      as above; after that it says nothing more
//	endless   as above, and then x for ever
//	exits     it ends at once, and says that all is well
//	once      it ends after its first answer to a call
//	noisy     as above, and writes to stderr all the time
//	babbling  as above, and writes to stdout lines that are no messages all the time
//	late      it answers the tool evil only with the next call, before that
//	cancelled it notes in the file os.Args[3] that a call was cancelled
func evilChild(mode string) bool {
	switch mode {
	case "exits":
		return true
	case "says", "mute", "endless", "once", "late", "cancelled":
	case "noisy", "babbling":
		to := map[string]*os.File{"noisy": os.Stderr, "babbling": os.Stdout}[mode]
		go func() {
			for line := strings.Repeat("noise \x1b[2J ", 5000) + "\n"; ; {
				fmt.Fprint(to, line)
			}
		}()
	default:
		return false
	}
	s, late := oldServer{}, ""
	s.tool = func(m *said, write func(string)) bool {
		switch {
		case m.Method == "notifications/cancelled" && mode == "cancelled":
			if err := os.WriteFile(os.Args[3], []byte("cancelled"), 0o600); err != nil {
				panic(err)
			}
		case m.Method != "tools/call":
			return false
		case m.Params.Name != "evil":
			if late != "" {
				write(late)
				late = ""
			}
			return false
		case mode == "late":
			late = m.result(`{"content":[],"canary":"late"}`)
		case mode == "cancelled":
			write(fmt.Sprintf(`{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":%s,"progress":0}}`, m.Params.Meta.Token))
		default:
			token := string(m.Params.Meta.Token)
			fmt.Print(strings.NewReplacer("$ID", string(m.ID), "$TOKEN", token, "$RAW", "\xff\xfe").Replace(os.Args[3]))
			for mode == "endless" {
				fmt.Print(strings.Repeat("x", 64<<10))
			}
			if mode == "mute" {
				select {}
			}
		}
		return true
	}
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 16<<20)
	for in.Scan() {
		s.hear(json.RawMessage(in.Bytes()), func(text string) { fmt.Println(text) })
		if mode == "once" && strings.Contains(in.Text(), "tools/call") {
			break
		}
	}
	return true
}
