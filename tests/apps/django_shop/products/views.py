"""Pages beside the admin: an upload, a file, a stream, a path beyond ASCII, an error."""

import hashlib

from django.http import FileResponse, HttpResponse, JsonResponse, StreamingHttpResponse
from django.views.decorators.csrf import csrf_exempt


@csrf_exempt
def upload(request):
    return JsonResponse(
        {
            "fields": request.POST.dict(),
            "files": {
                name: [file.name, file.size, hashlib.sha256(file.read()).hexdigest()]
                for name, file in request.FILES.items()
            },
            "length": len(request.body) if not request.FILES else None,
        }
    )


def file(request):
    """Django hands the open file to the server as wsgi.file_wrapper."""
    return FileResponse(open(__file__, "rb"), filename="views.py", as_attachment=True)


def pieces(request):
    return StreamingHttpResponse((f"piece {number}\n" for number in range(5)), "text/plain")


def greet(request, name):
    return HttpResponse(f"hello {name} from {request.path}, {request.GET.get('q')}")


def broken(request):
    raise RuntimeError("broken on purpose")
