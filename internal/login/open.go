package login

import (
	"fmt"
	"os/exec"
	"runtime"
)

// OpenBrowser shows a URL in the user's browser. The system's own program gets
// it as one argument; no shell sees it. It does not wait for the browser.
func OpenBrowser(link string) error {
	if _, err := address(link); err != nil {
		return fmt.Errorf("the URL %w", err)
	}
	name, args := "xdg-open", []string{link}
	switch runtime.GOOS {
	case "darwin":
		name = "open"
	case "windows":
		name, args = "rundll32", []string{"url.dll,FileProtocolHandler", link}
	}
	c := exec.Command(name, args...) //nolint:noctx // the browser stays when Doorward ends
	if err := c.Start(); err != nil {
		return fmt.Errorf("opening a browser: %w", err)
	}
	return c.Process.Release()
}
