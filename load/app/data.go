package app

import (
	"bytes"
	"errors"
	"fmt"
	"os"
)

// record is what the application keeps in its file: always the same bytes, so
// that requests side by side do not disturb each other.
var record = []byte("seatrial\n")

// touch writes the record and reads it back, where there is a file to keep it
// in. A volume that is gone, or read-only, shows here.
func (h *handler) touch() error {
	if h.Data == "" {
		return nil
	}
	file, err := os.OpenFile(h.Data, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return fmt.Errorf("opening the data: %w", err)
	}
	read := make([]byte, len(record))
	_, err = file.WriteAt(record, 0)
	if err == nil {
		_, err = file.ReadAt(read, 0)
	}
	if err == nil && !bytes.Equal(read, record) {
		err = errors.New("other data was read than written")
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("keeping the data: %w", err)
	}
	return nil
}
