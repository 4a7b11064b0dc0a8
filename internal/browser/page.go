package browser

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"path/filepath"
)

// View is the screen that a page is shown on.
type View struct {
	Width int // in CSS pixels
	Dark  bool
}

func (v View) String() string { return fmt.Sprintf("%d-%s", v.Width, v.theme()) }

func (v View) theme() string {
	if v.Dark {
		return "dark"
	}
	return "light"
}

// Open shows a file and waits until it has loaded.
func (b *Browser) Open(file string, v View) error {
	path, err := filepath.Abs(file)
	if err != nil {
		return err
	}
	if err := b.call("Emulation.setDeviceMetricsOverride", map[string]any{
		"width": v.Width, "height": 900, "deviceScaleFactor": 1, "mobile": v.Width < 600}, nil); err != nil {
		return err
	}
	if err := b.call("Emulation.setEmulatedMedia", map[string]any{
		"features": []map[string]string{{"name": "prefers-color-scheme", "value": v.theme()}}}, nil); err != nil {
		return err
	}
	b.events = nil
	var shown struct{ ErrorText string }
	if err := b.call("Page.navigate", map[string]any{"url": (&url.URL{Scheme: "file", Path: path}).String()}, &shown); err != nil {
		return err
	}
	if shown.ErrorText != "" {
		return fmt.Errorf("opening %s: %s", file, shown.ErrorText)
	}
	return b.wait("Page.loadEventFired")
}

// Evaluate runs a script in the page, whatever the page's policy forbids its own
// ones, and stores its value.
func (b *Browser) Evaluate(script string, into any) error {
	var answer struct {
		Result struct {
			Value json.RawMessage
		}
		ExceptionDetails *struct {
			Text      string
			Exception struct{ Description string }
		}
	}
	if err := b.call("Runtime.evaluate", map[string]any{"expression": script, "returnByValue": true}, &answer); err != nil {
		return err
	}
	if e := answer.ExceptionDetails; e != nil {
		return fmt.Errorf("%s %s", e.Text, e.Exception.Description)
	}
	return json.Unmarshal(answer.Result.Value, into)
}

// Screenshot is the whole page as PNG.
func (b *Browser) Screenshot() ([]byte, error) {
	var shot struct{ Data string }
	if err := b.call("Page.captureScreenshot", map[string]any{"captureBeyondViewport": true}, &shot); err != nil {
		return nil, err
	}
	return base64.StdEncoding.DecodeString(shot.Data)
}

// Said is what the page wrote on the console, and what went wrong in it, since
// Open.
func (b *Browser) Said() []string {
	var said []string
	for _, m := range b.events {
		switch m.Method {
		case "Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded":
			said = append(said, m.Method+" "+string(m.Params))
		}
	}
	return said
}

// Asked lists what the page asked for since Open, itself included.
func (b *Browser) Asked() []string {
	var asked []string
	for _, m := range b.events {
		var p struct {
			Request struct{ URL string }
		}
		if m.Method == "Network.requestWillBeSent" && json.Unmarshal(m.Params, &p) == nil {
			asked = append(asked, p.Request.URL)
		}
	}
	return asked
}
