// Go's net/smtp behind a pool of our own: a goroutine for each connection.
//
// Mode "raw" sends the ready message. "plain" and "links" send as listmonk does: an html/template
// is executed for each reader, put into a multipart message in quoted-printable, and the connection
// is reset (RSET) before the next one. "plain" has two actions in its page, "links" one for each
// link too, as where clicks are counted.
package main

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"flag"
	"fmt"
	"html/template"
	"io"
	"log"
	"mime/multipart"
	"mime/quotedprintable"
	"net/smtp"
	"net/textproto"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const sender = "post@mail.example.org"

var (
	port        = flag.Int("port", 0, "of the sink")
	connections = flag.Int("connections", 8, "at once")
	messages    = flag.Int64("messages", 1000, "in all")
	folder      = flag.String("folder", ".", "with the message and its page")
	useTLS      = flag.Bool("tls", false, "use STARTTLS; SSL_CERT_FILE names the sink's certificate")
	mode        = flag.String("mode", "raw", "raw, plain or links")
)

// links gives the short address of each tracked one: a map behind a lock, filled at the first send.
type links struct {
	sync.RWMutex
	short map[string]string
}

func (l *links) track(url string, r *reader) string {
	l.RLock()
	short, known := l.short[url]
	l.RUnlock()
	if !known {
		l.Lock()
		short = strings.TrimSuffix(url, url[len(url)-7:]) + fmt.Sprintf("%07x", len(l.short))
		l.short[url] = short
		l.Unlock()
	}
	return short
}

type reader struct {
	Address string
	Token   string
}

// composer makes one reader's message; each worker has its own buffer.
type composer struct {
	page *template.Template
	text []byte
	html bytes.Buffer
	out  bytes.Buffer
}

func (c *composer) compose(r *reader) ([]byte, error) {
	c.html.Reset()
	c.out.Reset()
	if err := c.page.Execute(&c.html, r); err != nil {
		return nil, err
	}
	parts := multipart.NewWriter(&c.out)
	fmt.Fprintf(&c.out, "From: The Harbour Post <%s>\r\nTo: %s\r\n"+
		"Subject: The Harbour Post: the ferry runs again\r\nDate: %s\r\n"+
		"Message-ID: <e7.%s@mail.example.org>\r\nList-Unsubscribe: <https://mail.example.org/u/%s>\r\n"+
		"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\nMIME-Version: 1.0\r\n"+
		"Content-Type: multipart/alternative; boundary=%q\r\n\r\n",
		sender, r.Address, time.Now().Format(time.RFC1123Z), r.Token, r.Token, parts.Boundary())
	for _, part := range []struct {
		kind    string
		content []byte
	}{{"text/plain", c.text}, {"text/html", c.html.Bytes()}} {
		where, err := parts.CreatePart(textproto.MIMEHeader{
			"Content-Type":              {part.kind + "; charset=utf-8"},
			"Content-Transfer-Encoding": {"quoted-printable"},
		})
		if err != nil {
			return nil, err
		}
		encoder := quotedprintable.NewWriter(where)
		if _, err := encoder.Write(part.content); err != nil {
			return nil, err
		}
		if err := encoder.Close(); err != nil {
			return nil, err
		}
	}
	return c.out.Bytes(), parts.Close()
}

func connect() (*smtp.Client, error) {
	client, err := smtp.Dial(fmt.Sprintf("127.0.0.1:%d", *port))
	if err != nil {
		return nil, err
	}
	if *useTLS {
		err = client.StartTLS(&tls.Config{ServerName: "127.0.0.1"})
	}
	return client, err
}

func transaction(client *smtp.Client, address string, message func() ([]byte, error)) error {
	if err := client.Mail(sender); err != nil {
		return err
	}
	if err := client.Rcpt(address); err != nil {
		return err
	}
	body, err := client.Data()
	if err != nil {
		return err
	}
	content, err := message()
	if err != nil {
		return err
	}
	if _, err := body.Write(content); err != nil {
		return err
	}
	return body.Close()
}

func work(turns, sent *atomic.Int64, raw []byte, page *template.Template, text []byte) error {
	client, err := connect()
	if err != nil {
		return err
	}
	composer := &composer{page: page, text: text}
	for n := turns.Add(1); n <= *messages; n = turns.Add(1) {
		r := &reader{fmt.Sprintf("reader%d@reader.example", n), fmt.Sprintf("t%032x", n)}
		message := func() ([]byte, error) { return raw, nil }
		if page != nil {
			message = func() ([]byte, error) { return composer.compose(r) }
		}
		if err := transaction(client, r.Address, message); err != nil {
			return err
		}
		sent.Add(1)
		if page != nil {
			if err := client.Reset(); err != nil {
				return err
			}
		}
	}
	return client.Quit()
}

func cpu() float64 {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		log.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano()).Seconds()
}

func read(name string) []byte {
	content, err := os.ReadFile(filepath.Join(*folder, name))
	if err != nil {
		log.Fatal(err)
	}
	return content
}

func main() {
	flag.Parse()
	var page *template.Template
	raw, text := read("message.eml"), read("page.txt")
	if *mode != "raw" {
		known := &links{short: map[string]string{}}
		page = template.Must(template.New("page").
			Funcs(template.FuncMap{"Track": known.track}).Parse(string(read(*mode + ".tmpl"))))
		// The first run escapes the template in its context, once for all.
		if err := page.Execute(io.Discard, &reader{}); err != nil {
			log.Fatal(err)
		}
	}
	var turns, sent atomic.Int64
	var workers sync.WaitGroup
	begun, used := time.Now(), cpu()
	for range make([]struct{}, *connections) {
		workers.Add(1)
		go func() {
			defer workers.Done()
			if err := work(&turns, &sent, raw, page, text); err != nil {
				log.Print(err)
			}
		}()
	}
	workers.Wait()
	json.NewEncoder(os.Stdout).Encode(map[string]any{
		"sent": sent.Load(), "seconds": time.Since(begun).Seconds(), "cpu_seconds": cpu() - used,
	})
}
