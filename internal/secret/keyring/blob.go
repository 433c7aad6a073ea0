package keyring

import (
	"bytes"
	"encoding/binary"
	"unicode/utf16"
)

// blobText is the text of a credential of Windows: UTF-16 where Windows' own programs wrote it
// (cmdkey, the Control Panel), else as it is. A secret holds no NUL byte, and Latin in UTF-16 does.
func blobText(blob []byte) string {
	if len(blob)%2 != 0 || bytes.IndexByte(blob, 0) < 0 {
		return string(blob)
	}
	units := make([]uint16, len(blob)/2)
	for i := range units {
		units[i] = binary.LittleEndian.Uint16(blob[2*i:])
	}
	return string(utf16.Decode(units))
}
