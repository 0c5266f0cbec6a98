import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.Proxy;
import java.net.URL;
import java.net.URLConnection;
import java.net.URLStreamHandler;
import java.net.spi.URLStreamHandlerProvider;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Reads what the suite asks of schemas.opengis.net from a folder, so that it runs without a network.
 *
 * <p>All other addresses go their usual way. The system property ccp.schemas names the folder.
 */
public class SchemaHost extends URLStreamHandlerProvider {
    private static final String HOST = "schemas.opengis.net";

    @Override
    public URLStreamHandler createURLStreamHandler(String protocol) {
        if (!protocol.equals("http") && !protocol.equals("https")) {
            return null;
        }
        return new Handler(protocol);
    }

    private static class Handler extends URLStreamHandler {
        private final String protocol;

        Handler(String protocol) {
            this.protocol = protocol;
        }

        @Override
        protected int getDefaultPort() {
            return protocol.equals("https") ? 443 : 80;
        }

        @Override
        protected URLConnection openConnection(URL url) throws IOException {
            return openConnection(url, null);
        }

        @Override
        protected URLConnection openConnection(URL url, Proxy proxy) throws IOException {
            if (url.getHost().equals(HOST)) {
                return new FileConnection(url);
            }
            // The handlers of Java itself are not public, but made by name.
            URL plain = new URL(null, url.toExternalForm(), builtIn(protocol));
            return proxy == null ? plain.openConnection() : plain.openConnection(proxy);
        }
    }

    private static URLStreamHandler builtIn(String protocol) throws IOException {
        try {
            String name = "sun.net.www.protocol." + protocol + ".Handler";
            return (URLStreamHandler) Class.forName(name).getDeclaredConstructor().newInstance();
        } catch (ReflectiveOperationException error) {
            throw new IOException("start java with --add-exports java.base/sun.net.www.protocol", error);
        }
    }

    private static class FileConnection extends URLConnection {
        FileConnection(URL url) {
            super(url);
        }

        @Override
        public void connect() {
            connected = true;
        }

        @Override
        public InputStream getInputStream() throws IOException {
            String path = url.getPath();
            String name = path.substring(path.lastIndexOf('/') + 1);
            Path file = Path.of(System.getProperty("ccp.schemas"), name);
            return new ByteArrayInputStream(Files.readAllBytes(file));
        }

        @Override
        public String getContentType() {
            return "application/x-yaml";
        }
    }
}
