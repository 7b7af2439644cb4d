"""Routes that the demo lacks: a document that is sent to it, and a file."""

from microdot import send_file


def add_routes(app, page):
    @app.post("/json")
    async def document(request):
        values = request.json["values"]
        return {"count": len(values), "largest": max(values)}

    @app.get("/file")
    async def file(request):
        return send_file(page)
