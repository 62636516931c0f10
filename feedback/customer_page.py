from django.http import HttpRequest, HttpResponse


def page(request: HttpRequest, customer_id: int) -> HttpResponse:
    return HttpResponse()
