"""Routes that the demo lacks: a document that is sent to it, and a file."""

from microdot import send_file


def add_routes(app, page):
    """page  the name of the file, in the folder in which the server runs"""

    @app.post("/json")
    async def document(request):
        values = request.json["values"]
        return {"count": len(values), "largest": max(values)}

    @app.get("/file")
    async def file(request):
        return send_file("./" + page)
